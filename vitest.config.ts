import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { builtSources } from './test/support/built-sources.ts';
import { LongestFirst } from './test/support/longest-first.ts';
import { RetriedTests } from './test/support/retried-tests.ts';

const files = (names: readonly string[]): string[] => names.map((name) => `test/${name}.test.ts`);

/** Tests of what must be right at the first try: bytes that are lost or mixed once in ten runs are lost or mixed. */
const EXACT = files(['download', 'fhir', 'http', 'policy', 'storage'].map((folder) => `${folder}/**/*`));

/**
 * Tests that replace modules: vitest can do so only with those that it transforms itself. One needs that there are no
 * threads for files: its destination hangs, and an export beside it must not.
 */
const MOCKED = files([
  'telemetry/hung-destination',
  'workflows/{batch-queue,batch-window,gate-trouble,in-step-with-histories,link-renewal,members-phase,retry,slot-keeper,useless-job}',
  'export-folder/late-attempts',
  'storage/directory/{durable-names,durable-removals,file-thread-late}',
]);

/** Tests that have a process of their own because they measure its memory, or run exports. */
const EXACT_ALONE = files([
  'download/{big-file,memory,resume}',
  'fhir/long-lines',
  'activities/body-memory',
  'http/decode-text',
  'storage/s3/{export-to-s3,s3}',
]);
/** Tests of functions: no Temporal, and nothing that goes on when they have ended. */
const FUNCTIONS = files([
  '{config,contract,contract-types}',
  'config/*',
  'docs/!(*examples|steering)',
  'export-folder/!(continued-export|destination|export-log|read-lines)',
  'cli/{names,views}',
  'codec/{codec-server,encryption-codec}',
  'dev/sample-server/**/*',
  'profiles/{fit-request,poll-times,profiles,resolve,suggest}',
]);
const common = {
  pool: 'forks',
  // Most files wait more than they compute, for timers of Temporal and of servers; more at once than this would let
  // workers and servers miss their limits.
  maxWorkers: Math.min(8, 2 * availableParallelism()),
  testTimeout: 60_000,
  hookTimeout: 120_000,
} as const;
const plugins = [builtSources()];
const alone = { ...common, server: { deps: { external: [/\/dist\//] } } };
/** One after another in a few processes, which load and compile only once what most tests need. */
const together = { ...alone, isolate: false, setupFiles: ['test/support/leave-process-clean.ts'] };
/** Real processes and real time: on a machine that is busy elsewhere a test gets a second chance, and is listed. */
const retry = process.env['CI'] === undefined ? 0 : 1;

export default defineConfig({
  test: {
    ...common,
    globalSetup: ['test/support/temporal-programs.ts', 'test/support/shared-temporal.ts', 'test/support/versitygw.ts'],
    sequence: { sequencer: LongestFirst },
    reporters: ['default', new RetriedTests()],
    projects: [
      { test: { ...common, name: 'mocked', include: MOCKED } },
      { plugins, test: { ...alone, name: 'exact-alone', include: EXACT_ALONE } },
      { plugins, test: { ...together, name: 'exact', include: EXACT, exclude: [...MOCKED, ...EXACT_ALONE] } },
      { plugins, test: { ...together, name: 'functions', include: FUNCTIONS, exclude: MOCKED, retry } },
      {
        plugins,
        test: {
          ...alone,
          name: 'whole',
          include: files(['**/*']),
          exclude: [...EXACT, ...EXACT_ALONE, ...MOCKED, ...FUNCTIONS],
          retry,
        },
      },
    ],
  },
});
