import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporal-programs.ts', 'test/support/shared-temporal.ts', 'test/support/versitygw.ts'],
    pool: 'forks',
    // Some files run workers and downloads of their own; more at once only make each other slow.
    maxWorkers: 2,
    // Real processes and real time: on a machine that is busy elsewhere a test gets a second chance. Vitest says which.
    retry: process.env['CI'] === undefined ? 0 : 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
