import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporal-programs.ts', 'test/support/shared-temporal.ts', 'test/support/versitygw.ts'],
    pool: 'forks',
    // Most files wait more than they compute, for timers of Temporal and of servers; more at once than this would let
    // workers and servers miss their limits.
    maxWorkers: Math.min(8, 2 * availableParallelism()),
    sequence: { sequencer: LongestFirst },
    // Real processes and real time: on a machine that is busy elsewhere a test gets a second chance. Vitest says which.
    retry: process.env['CI'] === undefined ? 0 : 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
