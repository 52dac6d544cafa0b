import { afterAll, beforeAll, expect, test } from 'vitest';
import { startExport } from '../../src/client.ts';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportProgress } from '../../src/contract.ts';
import { EXPORT_GATE, gateId } from '../../src/gate-contract.ts';
import { ACQUIRE } from '../../src/policy/gate/messages.ts';
import { slotsOf } from '../support/gates.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

/** Exports that once had a slot or a job, and do not any more. */
const ONE_SLOT = { maxConcurrentExports: 1 } as const;
const ONE_JOB = { patients: 5, pollsUntilReady: 1, maxJobs: 1 };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    servers: {
      standing: ONE_JOB,
      expired: ONE_JOB,
      gone: ONE_JOB,
      deaf: ONE_JOB,
      locked: ONE_JOB,
      found: ONE_JOB,
      again: ONE_JOB,
      mute: ONE_JOB,
    },
    entries: {
      standing: ONE_SLOT,
      expired: ONE_SLOT,
      gone: ONE_SLOT,
      deaf: ONE_SLOT,
      found: ONE_SLOT,
      again: ONE_SLOT,
      mute: ONE_SLOT,
      locked: {
        ...ONE_SLOT,
        auth: {
          type: 'client-secret',
          clientId: 'a',
          clientSecretEnv: 'HOME',
          secretIn: 'form',
          tokenUrl: 'http://127.0.0.1:9/token',
        },
      },
    },
  });
});
afterAll(() => stack.close());

const at = (server: string): SampleServer => stack.servers[server] as SampleServer;
const start = (server: string, more: object = {}): Promise<StartedExport> =>
  stack.start({ server, parameters: { _type: 'Patient' }, ...more });
const isAt = async (started: StartedExport, phase: ExportProgress['phase']): Promise<void> => {
  await expect.poll(async () => (await started.progress()).phase, { timeout: 60_000 }).toBe(phase);
};
const kickOffs = (server: string) => at(server).journal.filter(({ route }) => route === 'kickOff');
const LOST = { kind: 'answer', status: 410 } as const;
const BUSY = { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } } as const;

/** What an export says to the gate first. */
async function firstAsk(workflowId: string): Promise<unknown> {
  const { events } = await stack.client.workflow.getHandle(gateId('standing')).fetchHistory();
  const asks = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const data = signal?.input?.payloads?.[0]?.data;
    return data == null ? [] : [JSON.parse(Buffer.from(data).toString()) as { workflowId?: string }];
  });
  return asks.find((ask) => ask.workflowId === workflowId);
}

test('an export with only a priority, or only a key, has the usual weight and priority', async () => {
  const request = { server: 'standing', level: 'system', parameters: { _type: 'Patient' } } as const;
  for (const [workflowId, priority] of Object.entries({ urgent: { priorityKey: 1 }, ward: { fairnessKey: 'ward' } })) {
    await (await startExport(stack.client, request, { workflowId, priority })).result();
  }
  expect(await firstAsk('urgent')).toMatchObject({ priority: 1, fairnessKey: '', weight: 1 });
  expect(await firstAsk('ward')).toMatchObject({ priority: 3, fairnessKey: 'ward', weight: 1 });
}, 120_000);

test('a job whose files are gone is deleted before the next one is begun, which a server with one slot refuses', async () => {
  at('expired').faults.add({ route: 'file', times: Infinity, do: LOST });
  const request = { destination: { path: 'expired' } };
  expect(await failureOf((await start('expired', request)).result())).toMatchObject({ code: 'IncompleteExport' });
  at('expired').faults.clear();
  const old = at('expired').jobs().at(-1)?.id;
  at('expired').faults.add({ route: 'file', match: ({ jobId }) => jobId === old, times: Infinity, do: LOST });
  const report = await (await start('expired', request)).result();
  expect(report.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
  expect(kickOffs('expired').map(({ status }) => status)).toEqual([202, 202]);
}, 120_000);

test('an export that finds its job gone waits for a slot like all others', async () => {
  at('gone').faults.add({ route: 'file', times: Infinity, do: LOST });
  const request = { destination: { path: 'gone' } };
  expect(await failureOf((await start('gone', request)).result())).toMatchObject({ code: 'IncompleteExport' });
  at('gone').faults.clear();
  const old = at('gone').jobs().at(-1);
  await fetch(old?.statusUrl as string, { method: 'DELETE' });
  at('gone').faults.add({ route: 'status', match: ({ jobId }) => jobId !== old?.id, times: Infinity, do: BUSY });
  const holder = await start('gone');
  await isAt(holder, 'waiting');
  const again = await start('gone', request);
  await expect.poll(async () => (await again.progress()).queue?.place, { timeout: 60_000 }).toBe(1);
  const { held, waiting } = await slotsOf(stack.client, 'gone');
  expect([held.count, waiting.count]).toEqual([1, 1]);
  at('gone').faults.clear();
  await Promise.all([holder.result(), again.result()]);
  expect(kickOffs('gone').map(({ status }) => status)).toEqual([202, 202, 202]);
}, 120_000);

test('an export that waits is cancelled without a token, which nothing needs', async () => {
  // It runs: who cannot be told anything is looked for at once.
  const { firstExecutionRunId: firstRunId } = await stack.client.workflow.start('somebody', {
    workflowId: 'somebody',
    taskQueue: 'nobody',
  });
  const holder = { workflowId: 'somebody', firstRunId, turn: 1, since: 0, uses: 0, heard: 0, slot: 'held' };
  const { gateAsk, gatePressure, gateQuiet, gateIdle } = SHORT_LIMITS;
  await stack.client.workflow.signalWithStart(EXPORT_GATE, {
    workflowId: gateId('locked'),
    taskQueue: 'fhir-bulk-export',
    args: [{ server: 'locked', times: { gateAsk, gateSweep: 3_600_000, gatePressure, gateQuiet, gateIdle } }],
    signal: ACQUIRE,
    signalArgs: [{ ...holder, limits: { exports: 1 } }],
  });
  const waiter = await start('locked');
  await isAt(waiter, 'queued');
  await expect.poll(async () => (await slotsOf(stack.client, 'locked')).waiting.count, { timeout: 20_000 }).toBe(1);
  await waiter.cancel();
  expect(await failureOf(waiter.result())).toMatchObject({ code: 'Cancelled' });
  expect((await slotsOf(stack.client, 'locked')).waiting.count).toBe(0);
  const { events } = await waiter.handle.fetchHistory();
  const steps = (events ?? []).flatMap(
    ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name ?? [],
  );
  expect(steps).toContain('leaveGate');
  expect(steps).not.toContain('refreshToken');
}, 120_000);

test('an export whose gate cannot be asked is `queued` and says why, and goes on when it can be', async () => {
  const { servers } = stack.config;
  const entry = servers['deaf'];
  let isAway = true;
  Object.defineProperty(servers, 'deaf', {
    enumerable: true,
    get: () => {
      if (isAway && new Error('who asks').stack?.includes('askGate') === true) throw new Error('permission denied');
      return entry;
    },
  });
  const started = await start('deaf');
  await isAt(started, 'queued');
  const trouble = async () => (await started.progress()).trouble;
  await expect.poll(trouble, { timeout: 60_000 }).toContain('permission denied');
  isAway = false;
  expect((await started.result()).status).toBe('complete');
  expect(await trouble()).toBeUndefined();
}, 120_000);

test('an export whose gate takes messages and answers none says which workflow that is, and goes on with another one', async () => {
  // Its tasks are nobody's, as are those of a gate that no worker can run.
  const gate = await stack.client.workflow.start(EXPORT_GATE, { workflowId: gateId('mute'), taskQueue: 'nobody' });
  const started = await start('mute');
  await isAt(started, 'queued');
  const trouble = async () => (await started.progress()).trouble;
  await expect
    .poll(trouble, { timeout: 60_000 })
    .toMatch(/has not answered since .*: .* fhir-bulk-export\.gate\.mute$/);
  await gate.terminate();
  expect((await started.result()).status).toBe('complete');
  expect(await trouble()).toBeUndefined();
}, 120_000);

test('an export cannot have the workflow id of a gate', async () => {
  const started = await stack.start({ server: 'deaf', parameters: { _type: 'Patient' } }, gateId('nobody'));
  expect(await failureOf(started.result())).toMatchObject({ code: 'InvalidRequest' });
});

test('an export that is paused before it has found its job keeps the slot of that job', async () => {
  at('found').faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 404 } });
  const request = { destination: { path: 'found' } };
  expect(await failureOf((await start('found', request)).result())).toMatchObject({ code: 'IncompleteExport' });
  at('found').faults.clear();
  await stack.stopWorkers();
  const again = await start('found', request);
  // The first thing that a worker hears.
  const paused = again.pause();
  await stack.startWorkers();
  await paused;
  await isAt(again, 'kick-off');
  const other = await start('found');
  await isAt(other, 'queued');
  const all = { held: { count: 1, exports: [{ workflowId: again.handle.workflowId }] }, waiting: { count: 1 } };
  await expect.poll(() => slotsOf(stack.client, 'found'), { timeout: 60_000 }).toMatchObject(all);
  await again.resume();
  for (const one of [again, other]) expect((await one.result()).status).toBe('complete');
  expect(kickOffs('found').map(({ status }) => status)).toEqual([202, 202]);
}, 180_000);

test('a kick-off that is refused again and again is tried with its slot for a moment only', async () => {
  // Sooner than the slot is to be given back, each time.
  const refusal = { kind: 'answer', status: 429, headers: { 'Retry-After': '1' } } as const;
  at('again').faults.add({ route: 'kickOff', times: Infinity, do: refusal });
  const isRefused = async (started: StartedExport): Promise<void> => {
    await expect.poll(async () => (await started.progress()).trouble, { timeout: 60_000 }).toContain('HTTP 429');
  };
  const first = await start('again');
  await isRefused(first);
  const second = await start('again');
  await isRefused(second);
  at('again').faults.clear();
  for (const one of [first, second]) expect((await one.result()).status).toBe('complete');
}, 120_000);
