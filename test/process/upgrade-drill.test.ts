import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker } from '../support/real-worker.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

/**
 * UPGRADE_FROM=<folder of an earlier version, built> npm test -- test/process/upgrade-drill.test.ts replaces its workers by
 * those of this version, with 20 exports under way. Without it both versions are this one.
 */
const { UPGRADE_FROM } = process.env;
const EXPORTS = UPGRADE_FROM === undefined ? 6 : 20;
const SERVERS = ['waiting', 'downloading', 'slots'];

let stack: Stack;
let workers: RealWorker[];
const server = (name: string): SampleServer => stack.servers[name] as SampleServer;
const requests = (name: string, route: string) => server(name).journal.filter((entry) => entry.route === route);

beforeAll(async () => {
  stack = await startStack({
    workers: false,
    servers: {
      waiting: { patients: 20, pollsUntilReady: 14, retryAfter: '1' },
      downloading: {
        patients: 40,
        linesPerFile: 30,
        pollsUntilReady: 0,
        gzip: false,
        throttleBytesPerSecond: UPGRADE_FROM === undefined ? 10_000 : 40_000,
      },
      slots: { patients: 5, pollsUntilReady: 2, retryAfter: '1', maxJobs: 1 },
    },
    entries: { slots: { maxConcurrentExports: 1, deleteFreesSlot: true } },
    // The real threshold is 4,096 events.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
  });
});
beforeEach(() => {
  workers = [];
  for (const name of SERVERS) server(name).journal.length = 0;
});
afterEach(async () => {
  await Promise.all(workers.map(({ child }) => killWorker(child)));
});
afterAll(() => stack.close());

async function startVersion(version: 'old' | 'new', env: NodeJS.ProcessEnv = {}): Promise<void> {
  workers.push(await startRealWorker(stack, env, version === 'old' ? (UPGRADE_FROM ?? projectRoot) : projectRoot));
}

/** Starts the exports, and returns when some wait, some download, and some are queued. */
async function startAll(kind: string): Promise<StartedExport[]> {
  const started = await Promise.all(
    Array.from({ length: EXPORTS }, (_, number) => {
      const name = SERVERS[number % SERVERS.length] as string;
      return stack.start({ server: name, destination: { path: `${kind}-${number}` } }, `${kind}-${name}-${number}`);
    }),
  );
  const isUnderWay = () =>
    requests('waiting', 'status').length > 0 &&
    requests('downloading', 'file').length > 3 &&
    requests('slots', 'kickOff').length > 0;
  await expect.poll(isUnderWay, { timeout: 60_000 }).toBe(true);
  return started;
}

async function expectAllWhole(started: StartedExport[]): Promise<void> {
  const reports = await Promise.all(started.map((one) => one.result()));
  for (const [number, { status, location, warnings }] of reports.entries()) {
    expect([status, warnings]).toEqual(['complete', []]);
    await expectExactFiles(location, server(SERVERS[number % SERVERS.length] as string));
  }
  for (const [place, name] of SERVERS.entries()) {
    const count = started.filter((_, number) => number % SERVERS.length === place).length;
    expect(requests(name, 'kickOff').filter(({ status }) => status === 202)).toHaveLength(count);
  }
}

test('by replay: workers are replaced one after another, and the exports go on', async () => {
  await startVersion('old');
  await startVersion('old');
  const started = await startAll('replay');
  const old = workers.slice();
  for (const { child, exited } of old) {
    await startVersion('new');
    child.kill('SIGTERM');
    await exited;
  }
  await expectAllWhole(started);
}, 400_000);

test('by versions: exports keep theirs until they continue in a new run, which is of the current one', async () => {
  const makeCurrent = async (buildId: string): Promise<void> => {
    const { workflowService } = stack.client;
    const names = { namespace: 'default', deploymentName: 'fhir-bulk-export', buildId, identity: 'test' };
    const set = () => workflowService.setWorkerDeploymentCurrentVersion(names).then(() => 'set', String);
    // The server learns of a version from its workers' first polls.
    await expect.poll(set, { timeout: 60_000, interval: 200 }).toBe('set');
  };
  await startVersion('old', { TEMPORAL_WORKER_BUILD_ID: '1' });
  await makeCurrent('1');
  const started = await startAll('versions');
  await startVersion('new', { TEMPORAL_WORKER_BUILD_ID: '2' });
  await makeCurrent('2');
  await expectAllWhole(started);
  for (const { workflowId } of started.map(({ handle }) => handle)) {
    const builds = (await runsOf(stack.client, workflowId)).map((events) => [
      ...new Set(
        events.flatMap((event) => event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId ?? []),
      ),
    ]);
    // Never two versions in one run.
    expect(
      builds.every((ofRun) => ofRun.length === 1),
      `${workflowId}: ${JSON.stringify(builds)}`,
    ).toBe(true);
    if (workflowId.includes('waiting') && UPGRADE_FROM === undefined) {
      expect([builds.flat()[0], builds.flat().at(-1)]).toEqual(['1', '2']);
    }
  }
}, 400_000);
