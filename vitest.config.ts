import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { builtSources } from './test/support/built-sources.ts';
import { LongestFirst } from './test/support/longest-first.ts';
import { RetriedTests } from './test/support/retried-tests.ts';

/** Tests of what must be right at the first try: bytes that are lost or mixed once in ten runs are lost or mixed. */
const EXACT = ['download', 'fhir', 'http', 'policy', 'storage'].map((folder) => `test/${folder}/**/*.test.ts`);

/**
 * Tests that replace modules: vitest can do so only with those that it transforms itself. One needs that there are no
 * threads for files: its destination hangs, and an export beside it must not.
 */
const MOCKED = [
  'telemetry/hung-destination',
  'workflows/{batch-queue,batch-window,gate-trouble,in-step-with-histories,link-renewal,members-phase,retry,slot-keeper,useless-job}',
  'export-folder/late-attempts',
  'storage/directory/{durable-names,durable-removals,file-thread-late}',
].map((name) => `test/${name}.test.ts`);

const built = { plugins: [builtSources()], server: { deps: { external: [/\/dist\//] } } };

const common = {
  pool: 'forks',
  // Most files wait more than they compute, for timers of Temporal and of servers; more at once than this would let
  // workers and servers miss their limits.
  maxWorkers: Math.min(8, 2 * availableParallelism()),
  testTimeout: 60_000,
  hookTimeout: 120_000,
} as const;

export default defineConfig({
  test: {
    ...common,
    globalSetup: ['test/support/temporal-programs.ts', 'test/support/shared-temporal.ts', 'test/support/versitygw.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new RetriedTests()],
    projects: [
      { test: { ...common, name: 'mocked', include: MOCKED } },
      {
        plugins: built.plugins,
        test: { ...common, name: 'exact', include: EXACT, exclude: MOCKED, server: built.server },
      },
      {
        plugins: built.plugins,
        test: {
          ...common,
          name: 'whole',
          include: ['test/**/*.test.ts'],
          exclude: [...EXACT, ...MOCKED],
          server: built.server,
          // Real processes and real time: on a machine that is busy elsewhere a test gets a second chance, and is listed.
          retry: process.env['CI'] === undefined ? 0 : 1,
        },
      },
    ],
  },
});
