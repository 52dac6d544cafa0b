import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportProgress } from '../../src/contract.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

/** What keeps the only slot of a server from others, and for how long. */
const ONE_SLOT = { maxConcurrentExports: 1 } as const;
const ONE_JOB = { patients: 5, pollsUntilReady: 1, maxJobs: 1 };
/** Longer than a slot is kept after a kick-off. */
const OUTAGE = 12_000;
const SERVERS = [
  'restarting',
  'hasty',
  'stubborn',
  'mixed',
  'stopped',
  'forgetful',
  'last',
  'broken',
  'failing',
  'away',
  'unreached',
  'refusing',
  'doubtful',
];
/** Nobody listens there. */
const NOBODY = { ...ONE_SLOT, baseUrl: 'http://127.0.0.1:9/fhir' };

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    servers: Object.fromEntries(SERVERS.map((name) => [name, ONE_JOB])),
    entries: { ...Object.fromEntries(SERVERS.map((name) => [name, ONE_SLOT])), away: NOBODY, unreached: NOBODY },
    limits: { ...SHORT_LIMITS, outage: OUTAGE, deleteOfSlot: 40_000 },
  });
});
afterAll(() => stack.close());

const at = (server: string): SampleServer => stack.servers[server] as SampleServer;
const start = (server: string, more: object = {}): Promise<StartedExport> =>
  stack.start({ server, parameters: { _type: 'Patient' }, ...more });
const of = (server: string, route: string) => at(server).journal.filter((entry) => entry.route === route);
const reaches = async (started: StartedExport, isThere: (progress: ExportProgress) => boolean): Promise<void> => {
  await expect.poll(async () => isThere(await started.progress()), { timeout: 60_000 }).toBe(true);
};
/** For longer than a DELETE is tried that frees nothing. */
const LATER = { kind: 'answer', status: 503, headers: { 'Retry-After': '3' } } as const;

test('a DELETE that alone frees the slot is tried for as long as the server asks, so that the next export is not refused', async () => {
  at('restarting').faults.add({ route: 'delete', times: 2, do: LATER });
  const first = await start('restarting');
  await reaches(first, ({ trouble }) => trouble?.startsWith('DELETE: HTTP 503') === true);
  const reports = await Promise.all([first.result(), (await start('restarting')).result()]);
  expect(reports.map(({ status, warnings }) => [status, warnings])).toEqual(reports.map(() => ['complete', []]));
  expect((await first.progress()).trouble).toBeUndefined();
  const [one, two, three] = of('restarting', 'delete').map(({ at }) => at) as [number, number, number];
  expect(Math.min(two - one, three - two)).toBeGreaterThanOrEqual(2900);
  expect(of('restarting', 'kickOff').map(({ status }) => status)).toEqual([202, 202]);
}, 120_000);

test('an operator has such a DELETE tried at once, and does not see what came of the one before any more', async () => {
  at('hasty').faults.add({ route: 'delete', do: { ...LATER, headers: { 'Retry-After': '15' } } });
  at('hasty').faults.add({ route: 'delete', skip: 1, do: { kind: 'delay', ms: 8000 } });
  const started = await start('hasty');
  await reaches(started, ({ trouble }) => trouble?.startsWith('DELETE') === true);
  const details = async () =>
    (await started.handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
  expect(await details()).toContain('DELETE');
  await started.pollNow();
  await expect.poll(details, { timeout: 6000 }).not.toContain('DELETE');
  expect((await started.result()).warnings).toEqual([]);
  const [one, two] = of('hasty', 'delete').map(({ at }) => at) as [number, number];
  expect(two - one).toBeLessThan(10_000);
}, 120_000);

test('what is complete does not fail by its deadline because of such a DELETE', async () => {
  const never = { ...LATER, headers: { 'Retry-After': '60' } };
  at('last').faults.add({ route: 'delete', times: Infinity, do: never });
  // Sooner than the time for such a DELETE ends.
  const { status, warnings } = await (await start('last', { deadline: 'PT30S' })).result();
  expect([status, warnings.map(({ code }) => code)]).toEqual(['complete', ['DeleteFailed']]);
}, 120_000);

test('a DELETE whose answer says nothing of a later time ends the wait as without a limit', async () => {
  at('stubborn').faults.add({ route: 'delete', times: Infinity, do: { kind: 'answer', status: 500 } });
  const { status, warnings } = await (await start('stubborn')).result();
  expect([status, warnings.map(({ code }) => code)]).toEqual(['complete', ['DeleteFailed']]);
  const deletes = of('stubborn', 'delete').map(({ at }) => at);
  expect((deletes.at(-1) ?? 0) - (deletes[0] ?? 0)).toBeLessThan(10_000);
}, 120_000);

test('a server that starts again says so in several ways', async () => {
  at('mixed').faults.add({ route: 'delete', do: LATER });
  at('mixed').faults.add({ route: 'delete', skip: 1, do: { kind: 'answer', status: 500 } });
  expect((await (await start('mixed')).result()).warnings).toEqual([]);
  expect(of('mixed', 'delete').map(({ status }) => status)).toEqual([503, 500, 202]);
}, 120_000);

test('an export that is cancelled while it waits for such a DELETE is complete all the same', async () => {
  at('stopped').faults.add({ route: 'delete', do: { ...LATER, headers: { 'Retry-After': '3600' } } });
  const started = await start('stopped');
  await reaches(started, ({ trouble }) => trouble?.startsWith('DELETE') === true);
  await started.cancel();
  expect(await started.result()).toMatchObject({ status: 'complete', files: 1, warnings: [] });
  const { phase, trouble } = await started.progress();
  expect([phase, trouble]).toEqual(['complete', undefined]);
  expect(at('stopped').jobs().at(-1)?.state).toBe('deleted');
}, 120_000);

test('one that is complete keeps no signature for a server that knows no DELETE, as it says in the clean-up', async () => {
  at('forgetful').faults.add({ route: 'delete', do: { ...LATER, headers: { 'Retry-After': '3600' } } });
  at('forgetful').faults.add({ route: 'delete', skip: 1, do: { kind: 'answer', status: 405 } });
  const started = await start('forgetful');
  await reaches(started, ({ trouble }) => trouble?.startsWith('DELETE') === true);
  const record = join((await started.progress()).location as string, '.export/job.json');
  expect(await readFile(record, 'utf8')).toContain('&sig=');
  await started.cancel();
  const { status, warnings } = await started.result();
  expect([status, warnings.map(({ code }) => code)]).toEqual(['complete', ['DeleteUnsupported']]);
  expect(await readFile(record, 'utf8')).not.toContain('sig=');
}, 120_000);

/** A kick-off that the server cannot answer, for a reason of its own. */
const CONDITIONS = { parameters: { _type: 'Condition' } };
const ofConditions = ({ url }: { url: string }): boolean => url.includes('Condition');
const BROKEN = { route: 'kickOff', match: ofConditions, do: { kind: 'answer', status: 500 } } as const;
const fails = ({ trouble }: ExportProgress): boolean => trouble?.includes('kick-off: HTTP 500') === true;

test('a kick-off that fails, and has started nothing, holds up nobody; others do not use up its time', async () => {
  at('broken').faults.add({ ...BROKEN, times: Infinity });
  const first = await start('broken', CONDITIONS);
  await reaches(first, ({ phase }) => phase === 'kick-off');
  const busy = { kind: 'answer', status: 202, headers: { 'Retry-After': `${OUTAGE / 1000}` } } as const;
  at('broken').faults.add({ route: 'status', do: busy });
  const second = await start('broken');
  await reaches(second, ({ phase }) => phase === 'waiting');
  await reaches(first, (progress) => progress.phase === 'queued' && progress.queue?.place === 1 && fails(progress));
  await second.result();
  // It fails once more after all of that time.
  at('broken').faults.clear();
  at('broken').faults.add(BROKEN);
  expect((await first.result()).warnings).toEqual([]);
  const others = of('broken', 'kickOff').filter((entry) => !ofConditions(entry));
  expect(others.map(({ status }) => status)).toEqual([202]);
}, 120_000);

test('a kick-off that goes on failing ends the export after the time for an outage, with its slot or without', async () => {
  at('failing').faults.add({ ...BROKEN, times: Infinity });
  const started = await start('failing', CONDITIONS);
  expect(await failureOf(started.result())).toMatchObject({ code: 'ServerUnavailable' });
  const kickOffs = of('failing', 'kickOff').map(({ at }) => at);
  expect((kickOffs.at(-1) ?? 0) - (kickOffs[0] ?? 0)).toBeGreaterThan(OUTAGE / 2);
}, 120_000);

test('the slot stays where it is while the server is unreachable, where no other kick-off would do better', async () => {
  const first = await start('away');
  await reaches(first, ({ phase }) => phase === 'kick-off');
  const second = await start('away');
  expect(await failureOf(first.result())).toMatchObject({ code: 'ServerUnavailable' });
  await reaches(second, ({ trouble }) => trouble !== undefined);
  const [one, two] = await Promise.all([first, second].map(kickedOffAt));
  expect((two as number) - (one as number)).toBeGreaterThan(OUTAGE / 2);
  await second.cancel();
  await failureOf(second.result());
}, 120_000);

test('the slot is given back in a pause also while the server is unreachable', async () => {
  const first = await start('unreached');
  await reaches(first, ({ phase, trouble }) => phase === 'kick-off' && trouble !== undefined);
  const second = await start('unreached');
  await reaches(second, ({ phase }) => phase === 'queued');
  await first.pause();
  await reaches(second, ({ phase }) => phase === 'kick-off');
  expect((await first.progress()).phase).toBe('queued');
  await Promise.all([first, second].map(stop));
}, 120_000);

test('a kick-off that is refused after an outage keeps its slot for a moment, however long ago the last refusal was', async () => {
  const refusal = { kind: 'answer', status: 429, headers: { 'Retry-After': '1' } } as const;
  at('refusing').faults.add({ route: 'kickOff', times: Infinity, do: refusal });
  const first = await start('refusing', CONDITIONS);
  await reaches(first, ({ trouble }) => trouble?.includes('HTTP 429') === true);
  await at('refusing').goAway();
  await reaches(first, ({ trouble }) => trouble?.includes('HTTP 429') === false);
  const second = await start('refusing');
  await sleep(2 * SHORT_LIMITS.refusedKept);
  at('refusing').journal.length = 0;
  await at('refusing').comeBack();
  const ofPatients = (): number => of('refusing', 'kickOff').findIndex((entry) => !ofConditions(entry));
  await expect.poll(ofPatients, { timeout: 60_000 }).toBe(2);
  await Promise.all([first, second].map(stop));
}, 120_000);

async function stop(started: StartedExport): Promise<void> {
  await started.cancel();
  expect(await failureOf(started.result())).toMatchObject({ code: 'Cancelled' });
}

/** When its first kick-off was asked of a worker: milliseconds since the epoch. */
async function kickedOffAt({ handle }: StartedExport): Promise<number> {
  const { events } = await handle.fetchHistory();
  const isKickOff = (name?: string | null): boolean => name === 'kickOff';
  const event = events?.find((one) => isKickOff(one.activityTaskScheduledEventAttributes?.activityType?.name));
  return Number(event?.eventTime?.seconds) * 1000;
}

test('a slot is kept as long as the server may have a job of which nobody knows', async () => {
  at('doubtful').faults.add({ route: 'kickOff', match: ofConditions, do: { kind: 'drop' } });
  at('doubtful').faults.add({ ...BROKEN, skip: 1, times: 8 });
  const first = await start('doubtful', CONDITIONS);
  await reaches(first, fails);
  const reports = await Promise.all([first.result(), (await start('doubtful')).result()]);
  expect(reports.map(({ warnings }) => warnings.map(({ code }) => code))).toEqual([['PossibleOrphanJob'], []]);
  const accepted = of('doubtful', 'kickOff').filter(({ status }) => status === 202);
  expect(accepted.map(ofConditions)).toEqual([true, false]);
}, 120_000);
