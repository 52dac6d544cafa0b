import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { StoringKill } from '../support/kill-in-storing-thread.ts';
import { seededRandom } from '../support/random.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

/** Told when the test fails. */
const SEED = Date.now() % 1_000_000;
const PRELOAD = pathToFileURL(join(projectRoot, 'dist/test/support/kill-in-storing-thread.js'));
const POINTS: Omit<StoringKill, 'nth'>[] = [
  { call: 'openSync', when: 'after' },
  { call: 'writeSync', when: 'after' },
  { call: 'linkSync', when: 'before' },
  { call: 'linkSync', when: 'after' },
  { call: 'unlinkSync', when: 'after' },
];

let stack: Stack;
let hospital: SampleServer;
let worker: ChildProcess | undefined;

beforeAll(async () => {
  // Some thousand files, each of one resource.
  stack = await startStack({
    workers: false,
    servers: { hospital: { patients: 60, linesPerFile: 1, pollsUntilReady: 0, gzip: false } },
  });
  // The files of a worker that is killed are taken up sooner than after the usual 10 s.
  stack.config.heartbeatSeconds = 5;
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(async () => {
  if (worker !== undefined) await killWorker(worker);
  await stack.close();
});

test('workers that are killed at random steps of the thread for small files lose and double none', async () => {
  hospital.journal.length = 0;
  const random = seededRandom(SEED);
  const started = await stack.start({});
  for (const point of POINTS) {
    // Before the thread knows whether the disk is slow, and so whether it goes on.
    const kill: StoringKill = { ...point, nth: 1 + Math.floor(random() * 20) };
    worker = await startWorkerProcess(stack, {
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import=${PRELOAD.href}`,
      STORING_KILL: JSON.stringify(kill),
    });
    if (worker.signalCode === null) {
      await once(worker, 'exit', { signal: AbortSignal.timeout(90_000) }).catch(async () => {
        throw new Error(`not killed: ${JSON.stringify({ SEED, kill, progress: await started.progress() })}`);
      });
    }
    expect(worker.signalCode, JSON.stringify({ SEED, kill })).toBe('SIGKILL');
  }
  worker = await startWorkerProcess(stack);
  const report = await started.result();
  expect(report, `seed ${SEED}`).toMatchObject({
    status: 'complete',
    warnings: [],
    files: hospital.expectedFiles().length,
  });
  await expectExactFiles(report.location, hospital);
  expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(1);
}, 300_000);
