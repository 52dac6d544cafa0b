/** Exports with `incremental.newMembers` that are stopped in the middle. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { getExport } from '../../src/client.ts';
import type { ExportReport } from '../../src/contract.ts';
import { WITH_NEW_MEMBERS, codesOf as codes, patientsAt } from '../support/group-exports.ts';
import type { KillPoint } from '../support/kill-point.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';
import { startAfter } from '../support/start-after.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

let stack: Stack;
/** The export of all data, on which all others follow. */
let first: ExportReport;
beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 8, pollsUntilReady: 0 } } });
  first = await (await begin()).result();
  await stack.stopWorkers();
}, 180_000);
afterAll(() => stack?.close());

const hospital = (): SampleServer => stack.servers['hospital'] as SampleServer;
const kickOffs = () => hospital().journal.filter(({ route }) => route === 'kickOff');
beforeEach(() => {
  hospital().journal.length = 0;
  hospital().changeGroup('diabetes', { remove: ['pat-1'] });
});

let started = 0;
const lastId = (): string => `stopped-${started}`;
const begin = (last?: unknown): Promise<StartedExport> =>
  startAfter(stack.client, `stopped-${++started}`, WITH_NEW_MEMBERS, last);

test('a cancel ends the additional export as well, with its job', { timeout: 180_000 }, async () => {
  const worker = await startWorkerProcess(stack);
  hospital().changeGroup('diabetes', { add: ['pat-1'] });
  hospital().faults.add({
    route: 'status',
    times: Infinity,
    do: { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } },
  });
  const second = await begin(first);
  const child = getExport(stack.client, `${lastId()}.new-members`);
  const phaseOf = (one: StartedExport) => one.progress().then(({ phase }) => phase, String);
  await expect.poll(() => phaseOf(child), { timeout: 100_000 }).toBe('waiting');
  expect(await phaseOf(second)).toBe('new-members');
  await second.cancel();
  expect(await failureOf(second.result())).toMatchObject({ code: 'Cancelled' });
  expect(await failureOf(child.result())).toMatchObject({ code: 'Cancelled' });
  expect(hospital().jobs().at(-1)?.state).toBe('deleted');
  expect(kickOffs()).toHaveLength(1);
  hospital().faults.clear();
  await killWorker(worker);
});

test.each<[string, KillPoint]>([
  ['when the list is stored', { on: 'named', what: 'members-found' }],
  ['when their export has kicked off', { on: 'answered', what: 'POST .*Group' }],
  ['when the list is kept', { on: 'done', what: 'keepMembers' }],
])('a worker that is killed %s brings new members once', { timeout: 300_000 }, async (_what, kill) => {
  const marker = join(stack.folder, `killed-${++started}`);
  hospital().changeGroup('diabetes', { add: ['pat-1'] });
  hospital().journal.length = 0;
  const killed = await startWorkerProcess(stack, { KILL_POINT: JSON.stringify(kill), KILL_MARKER: marker });
  const second = await begin(first);
  await expect.poll(() => readFile(marker, 'utf8').catch(() => ''), { timeout: 120_000 }).toBe('.');
  await killWorker(killed);
  const next = await startWorkerProcess(stack);
  const report = await second.result();
  await killWorker(next);
  expect(report).toMatchObject({ since: first.mark, newMembers: { gained: 1 } });
  expect(await patientsAt(report.newMembers?.brought?.location)).toEqual(['pat-1']);
  // An answer that is lost may have begun a job that nobody knows.
  expect(kickOffs().length).toBe(kill.on === 'answered' ? 3 : 2);
  expect(codes(report)).toEqual([]);
});
