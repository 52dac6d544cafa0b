import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { runsOf } from '../support/runs.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

const DRAIN = 15_000;
/** Called with a state that one run hands to the next, before Temporal is given it. */
let onCarried: (() => Promise<void>) | undefined;

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  const create = Worker.create.bind(Worker);
  const encode = async <T extends { data?: Uint8Array | null }>(payloads: T[]): Promise<T[]> => {
    const carried = payloads.some(
      ({ data }) => data != null && Buffer.from(data).toString().startsWith('{"startedAt":'),
    );
    if (carried) await onCarried?.();
    return payloads;
  };
  const dataConverter = { payloadCodecs: [{ encode, decode: async <T>(payloads: T): Promise<T> => payloads }] };
  vi.spyOn(Worker, 'create').mockImplementation((options) => create({ ...options, dataConverter }));
  stack = await startStack({
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
    servers: { hospital: { patients: 20, pollsUntilReady: 0, retryAfter: '1', gzip: false } },
    limits: { ...SHORT_LIMITS, drain: DRAIN },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(async () => {
  vi.restoreAllMocks();
  await stack.close();
});
beforeEach(() => {
  onCarried = undefined;
  hospital.journal.length = 0;
  hospital.faults.clear();
});

const deletes = () => hospital.journal.filter(({ route }) => route === 'delete');

/** An export whose history is full while downloads stand still, and that waits for them. */
async function draining(workflowId: string, request: Partial<ExportRequest> = {}): Promise<StartedExport> {
  const isPatients = ({ url }: { url: string }): boolean => url.includes('Patient');
  hospital.faults.add({ route: 'file', match: isPatients, do: { kind: 'delay', ms: 3000 } });
  hospital.faults.add({
    route: 'file',
    match: (entry) => !isPatients(entry),
    times: Infinity,
    do: { kind: 'stall', afterBytes: 500 },
  });
  const started = await stack.start({ parameters: { _type: 'Patient,Encounter,Condition' }, ...request }, workflowId);
  await vi.waitFor(async () => expect((await started.progress()).files?.running).toBeGreaterThan(1), 15_000);
  for (let signals = 0; signals < 15; signals++) await started.pollNow();
  await vi.waitFor(
    async () => {
      const { events } = await started.handle.fetchHistory();
      const timers = (events ?? []).map(({ timerStartedEventAttributes: timer }) => timer?.startToFireTimeout?.seconds);
      expect(timers.map(String)).toContain(String(DRAIN / 1000));
    },
    { timeout: 20_000, interval: 200 },
  );
  return started;
}

async function expectCleanedUp({ handle }: StartedExport, runs: number): Promise<void> {
  const { runId, status } = await stack.client.workflow.getHandle(handle.workflowId).describe();
  expect(status.name).not.toBe('RUNNING');
  expect(await runsOf(stack.client, handle.workflowId)).toHaveLength(runs);
  expect(deletes()).toHaveLength(1);
  expect(hospital.jobs().at(-1)?.state).toBe('deleted');
  expect(hospital.journal.at(-1)?.route).toBe('delete');
  const parts = join(stack.folder, handle.workflowId, runId, '.export/parts');
  await expect(access(parts)).rejects.toThrow('ENOENT');
}

test('a cancel that comes while an export waits for its downloads, to go on in a new run, ends it', async () => {
  const started = await draining('drained');
  await started.cancel();
  expect((await failureOf(started.result())).code).toBe('Cancelled');
  await expectCleanedUp(started, 1);
});

test('the deadline that comes then ends it, too', async () => {
  const started = await draining('late', { deadline: 'PT13S' });
  expect((await failureOf(started.result())).code).toBe('DeadlineExceeded');
  await expectCleanedUp(started, 1);
});

test('a cancel that comes when the run has decided to go on in a new one ends it', async () => {
  hospital.faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 202 } });
  const started = await stack.start({ parameters: { _type: 'Patient' } }, 'decided');
  let decided = 0;
  await new Promise<void>((resolve) => {
    onCarried = async () => {
      if (++decided > 1) return;
      await started.cancel();
      resolve();
    };
  });
  expect((await failureOf(started.result())).code).toBe('Cancelled');
  expect(decided).toBeGreaterThan(0);
  await expectCleanedUp(started, 1);
});
