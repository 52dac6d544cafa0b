/** The list of members with which an export with `incremental.newMembers` compares: where it is, and what removes it. */
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportReport } from '../../src/contract.ts';
import { WITH_NEW_MEMBERS, codesOf as codes, patientsAt } from '../support/group-exports.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { startAfter } from '../support/start-after.ts';

const MEMBERS = ['pat-2', 'pat-6'];
vi.setConfig({ testTimeout: 180_000 });

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 8, pollsUntilReady: 0 } } });
});
afterAll(() => stack?.close());

const hospital = (): SampleServer => stack.servers['hospital'] as SampleServer;
beforeEach(() => hospital().changeGroup('diabetes', { add: MEMBERS, remove: ['pat-1', 'pat-3', 'pat-4'] }));

let started = 0;
const lastId = (): string => `list-${started}`;
async function run(last?: unknown, fields: object = {}): Promise<ExportReport> {
  return (await startAfter(stack.client, `list-${++started}`, { ...WITH_NEW_MEMBERS, ...fields }, last)).result();
}

async function configure(settings: object): Promise<void> {
  await stack.stopWorkers();
  Object.assign(stack.config.servers['hospital'] as object, settings);
  await stack.startWorkers();
}

test('a list that is gone, or was never made: all members are brought, and listed', async () => {
  const first = await run();
  await rm(join(stack.folder, first.newMembers?.list?.path ?? ''), { recursive: true });
  const second = await run(first);
  expect(codes(second)).toEqual(['NewMembersUnknown']);
  expect(second.newMembers?.brought?.workflowId).toBe(`${lastId()}.all-members`);
  expect((await run(second)).newMembers?.gained).toBe(0);
  const list = { destination: 'local', path: `../${basename(stack.folder)}/${second.newMembers?.list?.path}` };
  expect(codes(await run({ ...second, newMembers: { list } }))).toEqual(['NewMembersUnknown']);
  const begun = await run(undefined, { incremental: { newMembers: 'full', initialSince: first.mark } });
  expect(codes(begun)).toEqual(['NewMembersUnknown']);
  expect(await patientsAt(begun.newMembers?.brought?.location)).toEqual(MEMBERS);
});

test('the list goes on through exports that need none; only the newest folder is needed', async () => {
  const first = await run();
  await configure({ newPatientsInFull: ['group'] });
  const second = await run(first);
  await configure({ newPatientsInFull: [] });
  await rm(first.location, { recursive: true });
  hospital().changeGroup('diabetes', { add: ['pat-4'] });
  const third = await run(second);
  expect(codes(third)).toEqual([]);
  expect(await patientsAt(third.newMembers?.brought?.location)).toEqual(['pat-4']);
});
