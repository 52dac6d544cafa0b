import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportProgress } from '../../src/contract.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

/** What keeps the only slot of a server from others, and for how long. */
const ONE_SLOT = { maxConcurrentExports: 1 } as const;
const ONE_JOB = { patients: 5, pollsUntilReady: 1, maxJobs: 1 };
const SERVERS = ['restarting', 'hasty', 'stubborn'];

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    servers: Object.fromEntries(SERVERS.map((name) => [name, ONE_JOB])),
    entries: Object.fromEntries(SERVERS.map((name) => [name, ONE_SLOT])),
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

test('an operator has such a DELETE tried at once', async () => {
  at('hasty').faults.add({ route: 'delete', do: { ...LATER, headers: { 'Retry-After': '15' } } });
  const started = await start('hasty');
  await reaches(started, ({ trouble }) => trouble?.startsWith('DELETE') === true);
  await started.pollNow();
  expect((await started.result()).warnings).toEqual([]);
  const [one, two] = of('hasty', 'delete').map(({ at }) => at) as [number, number];
  expect(two - one).toBeLessThan(10_000);
}, 120_000);

test('a DELETE whose answer says nothing of a later time ends the wait as without a limit', async () => {
  at('stubborn').faults.add({ route: 'delete', times: Infinity, do: { kind: 'answer', status: 500 } });
  const { status, warnings } = await (await start('stubborn')).result();
  expect([status, warnings.map(({ code }) => code)]).toEqual(['complete', ['DeleteFailed']]);
  const deletes = of('stubborn', 'delete').map(({ at }) => at);
  expect((deletes.at(-1) ?? 0) - (deletes[0] ?? 0)).toBeLessThan(10_000);
}, 120_000);
