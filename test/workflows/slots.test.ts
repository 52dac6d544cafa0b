import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportProgress } from '../../src/contract.ts';
import { gateId } from '../../src/gate-contract.ts';
import { expectOneAfterAnother } from '../support/jobs-of-journal.ts';
import { slotsOf } from '../support/gates.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

/** Every test has a server of its own, and so a gate. */
const SERVERS = ['ordered', 'waiting', 'cancelled', 'terminated', 'cutOff', 'kept', 'keeps', 'full'];
const ONE_SLOT = { maxConcurrentExports: 1 } as const;
const IN_PROGRESS = { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } } as const;
const ONE_JOB = { patients: 5, pollsUntilReady: 1, maxJobs: 1 };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    servers: {
      ...Object.fromEntries(SERVERS.map((name) => [name, ONE_JOB])),
      early: { ...ONE_JOB, maxJobs: undefined },
      refusing: ONE_JOB,
      plain: ONE_JOB,
      perGroup: { ...ONE_JOB, maxJobs: undefined },
    },
    entries: {
      ...Object.fromEntries(SERVERS.map((name) => [name, ONE_SLOT])),
      early: { ...ONE_SLOT, deleteFreesSlot: false },
      perGroup: { ...ONE_SLOT, exportsLimitedPer: 'group' },
    },
  });
});
afterAll(() => stack.close());

const at = (server: string): SampleServer => stack.servers[server] as SampleServer;
const start = (server: string, more: object = {}): Promise<StartedExport> =>
  stack.start({ server, parameters: { _type: 'Patient' }, ...more });
const slots = (server: string) => slotsOf(stack.client, server);

async function reaches(started: StartedExport, isThere: (progress: ExportProgress) => boolean): Promise<void> {
  await expect.poll(async () => isThere(await started.progress()), { timeout: 60_000 }).toBe(true);
}
const isIn = (phase: ExportProgress['phase']) => (progress: ExportProgress) => progress.phase === phase;
const isAt = (place: number) => (progress: ExportProgress) => progress.queue?.place === place;

/** An export that has the slot, while its server works; and one that waits for it. */
async function holderAndWaiter(server: string): Promise<[StartedExport, StartedExport]> {
  at(server).faults.add({ route: 'status', times: Infinity, do: IN_PROGRESS });
  const holder = await start(server);
  await reaches(holder, isIn('waiting'));
  const waiter = await start(server);
  await reaches(waiter, isAt(1));
  return [holder, waiter];
}

test('exports of a server with one slot are served one after another, in their order, and none is refused', async () => {
  const started: StartedExport[] = [];
  for (let number = 0; number < 6; number++) {
    const one = await start('ordered');
    await reaches(one, ({ phase }) => phase !== 'starting');
    started.push(one);
  }
  const reports = await Promise.all(started.map((one) => one.result()));
  expect(reports.map(({ status, warnings }) => [status, warnings])).toEqual(reports.map(() => ['complete', []]));
  const times = reports.map(({ transactionTime }) => transactionTime);
  expect(times).toEqual([...times].sort());
  expect(expectOneAfterAnother(at('ordered').journal)).toBe(6);
  expect(await slots('ordered')).toMatchObject({ held: { count: 0 }, waiting: { count: 0 } });
}, 120_000);

test('where each group has its slots, one group does not wait for another', async () => {
  const server = at('perGroup');
  server.faults.add({ route: 'status', times: Infinity, do: IN_PROGRESS });
  const of = (groupId: string) => start('perGroup', { level: 'group', groupId });
  const first = await of('diabetes');
  await reaches(first, isIn('waiting'));
  const second = await of('diabetes');
  await reaches(second, isAt(1));
  const other = await of('cardiology');
  await reaches(other, isIn('waiting'));
  expect((await second.progress()).phase).toBe('queued');
  server.faults.clear();
  await Promise.all([first, second, other].map((one) => one.result()));
  const [one, two] = server.journal.filter(({ route, url }) => route === 'kickOff' && url.includes('/diabetes/'));
  const end = server.journal.find(({ route, url }) => route === 'delete' && url.includes(one?.jobId ?? 'none'));
  expect(two?.at).toBeGreaterThanOrEqual(end?.at ?? Infinity);
}, 120_000);

describe('an export that waits', () => {
  test('is `queued`, with its place, and its time passes; a cancel ends it at once', async () => {
    const [holder, second] = await holderAndWaiter('waiting');
    const third = await start('waiting', { deadline: 'PT4S' });
    await reaches(third, isAt(2));
    expect(await second.progress()).toMatchObject({ phase: 'queued', queue: { place: 1 } });
    const details = async () =>
      (await second.handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
    await expect.poll(details, { timeout: 60_000 }).toContain('Waits for a slot of the server: place **1 of ');
    const listed = () => stack.client.workflow.count('ExportPhase = "queued" AND FhirServer = "waiting"');
    await expect.poll(async () => (await listed()).count, { timeout: 10_000 }).toBe(2);
    expect(await slots('waiting')).toMatchObject({
      held: { count: 1, exports: [{ workflowId: holder.handle.workflowId }] },
      waiting: { count: 2, exports: [{ workflowId: second.handle.workflowId, place: 1 }, { place: 2 }] },
    });
    expect(await failureOf(third.result())).toMatchObject({ code: 'DeadlineExceeded' });
    await expect.poll(async () => (await slots('waiting')).waiting.count).toBe(1);
    await second.cancel();
    expect(await failureOf(second.result())).toMatchObject({ code: 'Cancelled' });
    await expect.poll(async () => (await slots('waiting')).waiting.count).toBe(0);
    await holder.cancel();
    await failureOf(holder.result());
    expect(expectOneAfterAnother(at('waiting').journal)).toBe(1);
  }, 120_000);

  test('goes on when the one that has the slot is cancelled, and its job deleted', async () => {
    const [holder, waiter] = await holderAndWaiter('cancelled');
    at('cancelled').faults.clear();
    await holder.cancel();
    await waiter.result();
    expect(expectOneAfterAnother(at('cancelled').journal)).toBe(2);
  }, 120_000);

  test('goes on when the one that has the slot is terminated, as soon as the server has forgotten its job', async () => {
    const [holder, waiter] = await holderAndWaiter('terminated');
    await holder.handle.terminate();
    // Nobody has deleted the job: the server refuses another one, which is waited for, too.
    await reaches(waiter, ({ trouble }) => trouble?.includes('HTTP 429') === true);
    expect((await waiter.progress()).phase).toBe('queued');
    at('terminated').faults.clear();
    await fetch(at('terminated').jobs().at(-1)?.statusUrl as string, { method: 'DELETE' });
    await waiter.result();
  }, 120_000);
});

test('a gate that was terminated knows who holds a slot before it grants another', async () => {
  const [holder, waiter] = await holderAndWaiter('cutOff');
  await stack.client.workflow.getHandle(gateId('cutOff')).terminate();
  // Both ask again, whoever comes first.
  await expect.poll(async () => (await slots('cutOff')).waiting.count, { timeout: 60_000 }).toBe(1);
  await expect.poll(async () => (await slots('cutOff')).held.count, { timeout: 60_000 }).toBe(1);
  at('cutOff').faults.clear();
  await Promise.all([holder.result(), waiter.result()]);
  expect(expectOneAfterAnother(at('cutOff').journal)).toBe(2);
}, 120_000);

test('an export that resumes its job has its slot, whoever waits', async () => {
  at('kept').faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 404 } });
  const request = { destination: { path: 'kept' } };
  const first = await start('kept', request);
  expect(await failureOf(first.result())).toMatchObject({ code: 'IncompleteExport' });
  at('kept').faults.clear();
  // Its job is there, and has the server's slot.
  const other = await start('kept');
  await reaches(other, ({ phase, trouble }) => phase === 'queued' && trouble?.includes('HTTP 429') === true);
  await (await start('kept', request)).result();
  expect((await other.result()).status).toBe('complete');
  expect(at('kept').journal.filter(({ route, status }) => route === 'kickOff' && status === 202)).toHaveLength(2);
}, 120_000);

test('a kick-off that the server refuses for long holds up nobody: others have the slot, and it is tried again before', async () => {
  at('full').faults.add({ route: 'kickOff', do: { kind: 'answer', status: 429, headers: { 'Retry-After': '86400' } } });
  const first = await start('full');
  await reaches(first, ({ phase, trouble }) => phase === 'queued' && trouble?.includes('HTTP 429') === true);
  const reports = await Promise.all([(await start('full')).result(), first.result()]);
  expect(reports.map(({ status }) => status)).toEqual(['complete', 'complete']);
  const kickOffs = at('full').journal.filter(({ route }) => route === 'kickOff');
  expect(kickOffs.map(({ status }) => status)).toEqual([429, 202, 202]);
}, 120_000);

test('an export that gave its slot back after a refusal tries again when an operator says so, and can be cancelled', async () => {
  const refusal = { kind: 'answer', status: 429, headers: { 'Retry-After': '86400' } } as const;
  at('full').faults.add({ route: 'kickOff', do: refusal });
  const kickOffs = () => at('full').journal.filter(({ route }) => route === 'kickOff').length;
  const before = kickOffs();
  const started = await start('full');
  await expect.poll(kickOffs, { timeout: 60_000 }).toBe(before + 1);
  await started.pollNow();
  expect((await started.result()).status).toBe('complete');
  at('full').faults.add({ route: 'kickOff', do: refusal });
  const other = await start('full');
  await expect.poll(kickOffs, { timeout: 60_000 }).toBe(before + 3);
  await other.cancel();
  expect(await failureOf(other.result())).toMatchObject({ code: 'Cancelled' });
  await expect.poll(async () => (await slots('full')).held.count, { timeout: 60_000 }).toBe(0);
}, 120_000);

test('a job that is kept on the server keeps its slot there, and the next export waits until it is deleted', async () => {
  await (await start('keeps', { keepServerFiles: true })).result();
  const next = await start('keeps');
  await reaches(next, ({ phase, trouble }) => phase === 'queued' && trouble?.includes('HTTP 429') === true);
  await fetch(at('keeps').jobs().at(-1)?.statusUrl as string, { method: 'DELETE' });
  expect((await next.result()).status).toBe('complete');
}, 120_000);

test('where the end of a job frees its slot, the next export begins while the files are downloaded', async () => {
  at('early').faults.add({ route: 'file', times: 1, do: { kind: 'delay', ms: 12_000 } });
  const first = await start('early');
  await reaches(first, isIn('downloading'));
  await Promise.all([first.result(), (await start('early')).result()]);
  const turns = at('early').journal.flatMap(({ route }) => (route === 'kickOff' || route === 'delete' ? [route] : []));
  expect(turns).toEqual(['kickOff', 'kickOff', 'delete', 'delete']);
  expect(await slots('early')).toMatchObject({ held: { count: 0 }, waiting: { count: 0 } });
}, 120_000);

test('without a gate, a kick-off that is refused because a job runs waits longer than for an outage', async () => {
  const [holder] = [await start('refusing')];
  await reaches(holder, ({ phase }) => phase !== 'starting');
  at('refusing').faults.add({
    route: 'status',
    times: 6,
    do: { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } },
  });
  const next = await start('refusing');
  await reaches(next, isIn('queued'));
  const progress = await next.progress();
  expect([progress.queue, progress.trouble]).toEqual([undefined, expect.stringContaining('HTTP 429')]);
  await next.result();
  const refused = at('refusing').journal.filter(({ status }) => status === 429);
  // As the server asks, and for longer than the 3 s of an outage.
  expect((refused.at(-1)?.at ?? 0) - (refused[0]?.at ?? 0)).toBeGreaterThan(3000);
  expect(refused.length).toBeLessThan(12);
  await holder.result();
}, 120_000);

test('an export of a server without limits has no gate, and nothing of it in its history', async () => {
  const started = await start('plain');
  await started.result();
  const { events } = await started.handle.fetchHistory();
  const activities = (events ?? []).flatMap(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
  );
  expect(activities).toEqual([
    'openExport',
    'kickOff',
    'pollStatus',
    'pollStatus',
    'planDownloads',
    'downloadFiles',
    'settleExport',
    'deleteJob',
  ]);
  const patches = (events ?? []).flatMap(({ markerRecordedEventAttributes: marker }) => {
    const data = marker?.details?.['patch-data']?.payloads?.[0]?.data;
    return data == null ? [] : Buffer.from(data).toString();
  });
  expect(patches.join(' ')).not.toContain('gate');
  await expect(slots('plain')).rejects.toThrow('not found');
}, 120_000);
