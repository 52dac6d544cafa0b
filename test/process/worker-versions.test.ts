import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { gateId } from '../../src/gate-contract.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

let stack: Stack;
let hospital: SampleServer;
const workers: RealWorker[] = [];

beforeAll(async () => {
  stack = await startStack({
    workers: false,
    servers: {
      hospital: { patients: 20, pollsUntilReady: 0 },
      slots: { patients: 5, pollsUntilReady: 0, maxJobs: 1 },
    },
    entries: { slots: { maxConcurrentExports: 1 } },
    // A server of its own: versions are kept by workflows of the server, which the shared one does not run.
    temporalArgs: [],
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map(({ child }) => killWorker(child)));
});
afterAll(() => stack.close());

const DEPLOYMENT = 'fhir-bulk-export';
const NAMESPACE = 'default';

async function startVersion(buildId: string): Promise<RealWorker> {
  const worker = await startRealWorker(stack, { TEMPORAL_WORKER_BUILD_ID: buildId });
  workers.push(worker);
  return worker;
}

/** As `temporal worker deployment set-current-version` does. */
async function makeCurrent(buildId: string): Promise<void> {
  const set = () =>
    stack.client.workflowService
      .setWorkerDeploymentCurrentVersion({
        namespace: NAMESPACE,
        deploymentName: DEPLOYMENT,
        buildId,
        identity: 'test',
      })
      .then(() => 'set')
      .catch((error: Error) => error.message);
  // The server learns of a version from its workers' first polls.
  await expect.poll(set, { timeout: 30_000, interval: 200 }).toBe('set');
}

/** Builds that have had a hand in an export. */
async function buildsOf(workflowId: string): Promise<string[]> {
  const { events } = await stack.client.workflow.getHandle(workflowId).fetchHistory();
  const builds = (events ?? []).flatMap(
    ({ workflowTaskCompletedEventAttributes: task }) => task?.deploymentVersion?.buildId ?? [],
  );
  return [...new Set(builds)];
}

test('an export ends with the version with which it began, while another one is current', async () => {
  const first = await startVersion('1');
  await makeCurrent('1');
  hospital.faults.add({
    route: 'status',
    times: 1000,
    do: { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } },
  });
  const old = await stack.start({}, 'old');
  const polls = () => hospital.journal.filter(({ route }) => route === 'status').length;
  await expect.poll(polls, { timeout: 30_000 }).toBeGreaterThan(1);

  await startVersion('2');
  await makeCurrent('2');
  // A worker of the old version may be replaced, too.
  await killWorker(first.child);
  await startVersion('1');
  const before = polls();
  await expect.poll(polls, { timeout: 40_000 }).toBeGreaterThan(before + 1);

  hospital.faults.clear();
  await stack.run({}, 'new');
  await expectExactFiles((await old.result()).location, hospital, hospital.journal.find(({ jobId }) => jobId)?.jobId);
  expect(await buildsOf('old')).toEqual(['1']);
  expect(await buildsOf('new')).toEqual(['2']);
}, 120_000);

test('the gate of a server moves to the version that is current, so that none has to be kept for it', async () => {
  const first = await startVersion('1');
  await makeCurrent('1');
  await stack.run({ server: 'slots' }, 'by-one');
  await startVersion('2');
  await makeCurrent('2');
  await killWorker(first.child);
  await stack.run({ server: 'slots' }, 'by-two');
  expect(await buildsOf(gateId('slots'))).toEqual(['1', '2']);
}, 120_000);
