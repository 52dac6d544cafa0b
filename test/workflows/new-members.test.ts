/** Exports of a group whose members change: `incremental.newMembers`. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRule, SampleServer } from '../../dev/sample-server/index.ts';
import { createAuthServer, operationOutcome } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportReport } from '../../src/contract.ts';
import { WITH_NEW_MEMBERS, codesOf as codes, patientsAt } from '../support/group-exports.ts';
import { makeKey } from '../support/keys.ts';
import { findSecrets } from '../support/secret-scan.ts';
import { readHistories } from '../support/secrets-of-runs.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { startAfter } from '../support/start-after.ts';

const HOSPITAL = { patients: 8, pollsUntilReady: 0 };
const MEMBERS = ['pat-2', 'pat-6'];

let stack: Stack;
beforeAll(async () => {
  const key = await makeKey('ES384', 'members');
  process.env['MEMBERS_KEY'] = JSON.stringify(key.privateJwk);
  const authorization = createAuthServer({ jwks: { keys: [key.publicJwk] } });
  stack = await startStack({
    servers: {
      hospital: HOSPITAL,
      // IG 1 has no parameter `patient`.
      old: { ...HOSPITAL, version: 1 },
      unable: HOSPITAL,
      complete: HOSPITAL,
      oneSlot: { ...HOSPITAL, maxJobs: 1 },
      secured: { ...HOSPITAL, authorization },
    },
    entries: {
      unable: { unsupportedParameters: ['patient'] },
      complete: { newPatientsInFull: ['group'] },
      oneSlot: { maxConcurrentExports: 1, deleteFreesSlot: true },
      secured: { auth: { type: 'smart-backend', clientId: 'demo-client', privateKeyEnv: 'MEMBERS_KEY' } },
    },
    // Every export goes on in further runs, which are not given the last result.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=25'],
    limits: { ...SHORT_LIMITS, tokenEndpoint: 300 },
  });
});
afterAll(() => stack?.close());

const at = (server: string): SampleServer => stack.servers[server] as SampleServer;
const hospital = (): SampleServer => at('hospital');
beforeEach(() => {
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
    server.changeGroup('diabetes', { add: MEMBERS, remove: ['pat-1', 'pat-3', 'pat-4'] });
  }
});

let started = 0;
const lastId = (): string => `members-${started}`;

function begin(last: unknown, fields: object = {}): Promise<StartedExport> {
  return startAfter(stack.client, `members-${++started}`, { ...WITH_NEW_MEMBERS, ...fields }, last);
}
const run = async (last?: unknown, fields: object = {}): Promise<ExportReport> => (await begin(last, fields)).result();

const refuseGroup = (fault: FaultRule['do']): void =>
  hospital().faults.add({
    route: 'other',
    times: Infinity,
    match: ({ url }) => url.endsWith('/Group/diabetes'),
    do: fault,
  });
const kickOffs = (server = hospital()) => server.journal.filter(({ route }) => route === 'kickOff');

describe('members whom the group has gained', { timeout: 180_000 }, () => {
  test('are brought with all their data by an export of their own, once; those who return, too', async () => {
    const first = await run();
    expect(first.newMembers).toEqual({ list: { destination: 'local', path: expect.any(String) as string } });
    expect(await patientsAt(first.location)).toEqual(MEMBERS);

    hospital().changeGroup('diabetes', { add: ['pat-1', 'pat-4'] });
    hospital().journal.length = 0;
    const [second, workflowId] = [await run(first), `${lastId()}.new-members`];
    expect(second).toMatchObject({ since: first.mark, newMembers: { gained: 2, brought: { workflowId } } });
    expect(codes(second)).toEqual([]);
    expect(await patientsAt(second.newMembers?.brought?.location)).toEqual(['pat-1', 'pat-4']);
    const [additional, own] = kickOffs();
    expect(kickOffs()).toHaveLength(2);
    expect(additional?.body).toContain('Patient/pat-4');
    expect(additional?.body).not.toContain('_since');
    expect(own?.url).toContain('_since');

    const third = await run(second);
    expect(third).toMatchObject({ since: second.mark, newMembers: { gained: 0 } });

    hospital().changeGroup('diabetes', { remove: ['pat-1'] });
    const fourth = await run(third);
    expect(fourth.newMembers?.gained).toBe(0);
    hospital().changeGroup('diabetes', { add: ['pat-1'] });
    const fifth = await run(fourth);
    expect(await patientsAt(fifth.newMembers?.brought?.location)).toEqual(['pat-1']);
    expect(findSecrets(await readHistories(stack), ['pat-1', 'pat-4'])).toEqual([]);
  });

  test('who come after the list is read are new for the next export', async () => {
    const first = await run();
    hospital().faults.add({
      route: 'kickOff',
      match: () => (hospital().changeGroup('diabetes', { add: ['pat-3'] }), true),
      do: { kind: 'delay', ms: 1 },
    });
    const second = await run(first);
    expect(second.newMembers?.gained).toBe(0);
    expect(await patientsAt((await run(second)).newMembers?.brought?.location)).toEqual(['pat-3']);
  });

  test.each([
    ['old', 'the server refuses the parameter `patient`', {}],
    ['old', 'the server ignores it, and says so', { prefer: ['handling=lenient'] }],
    ['unable', 'the server is known not to know it', {}],
  ])('%s: all members are brought where %s', async (server, _what, more) => {
    const first = await run(undefined, { server, ...more });
    at(server).changeGroup('diabetes', { add: ['pat-1'] });
    const second = await run(first, { server, ...more });
    const workflowId = `${lastId()}.all-members`;
    expect(second).toMatchObject({ since: first.mark, newMembers: { gained: 1, brought: { workflowId } } });
    expect(codes(second)).toEqual([]);
    expect(await patientsAt(second.newMembers?.brought?.location)).toEqual(['pat-1', ...MEMBERS]);
    expect((await run(second, { server, ...more })).newMembers?.gained).toBe(0);
  });

  test('are in no history, whatever the server says of them', async () => {
    const first = await run();
    hospital().changeGroup('diabetes', { add: ['pat-3'] });
    const body = operationOutcome({ severity: 'error', code: 'invalid', text: 'Patient/pat-3 is new' });
    hospital().faults.add({ route: 'kickOff', do: { kind: 'answer', status: 400, body } });
    const second = await run(first);
    expect(second.newMembers?.brought?.workflowId).toMatch(/all-members$/);
    expect(await patientsAt(second.newMembers?.brought?.location)).toEqual(['pat-2', 'pat-3', 'pat-6']);
    expect(findSecrets(await readHistories(stack), ['pat-3'])).toEqual([]);
  });

  test('are brought again by hand, of the same group and server only', async () => {
    const first = await run();
    hospital().changeGroup('diabetes', { add: ['pat-3'] });
    const newMembersOf = (await run(first)).newMembers?.list?.path as string;
    const request = { server: 'hospital', level: 'group', groupId: 'diabetes', newMembersOf } as const;
    expect(await patientsAt((await stack.run(request)).location)).toEqual(['pat-3']);
    for (const other of [{ groupId: 'cardiology' }, { server: 'complete' }]) {
      const failed = await stack.fail({ ...request, ...other });
      expect(failed).toMatchObject({
        code: 'InvalidRequest',
        message: expect.stringMatching(/no list of new/) as string,
      });
    }
  });

  test('need no export of their own where `_since` brings all their data', async () => {
    const first = await run(undefined, { server: 'complete' });
    at('complete').changeGroup('diabetes', { add: ['pat-1'] });
    const second = await run(first, { server: 'complete' });
    expect(second).not.toHaveProperty('newMembers');
    expect(codes(second)).toEqual([]);
  });

  test.each([
    ['oneSlot', 'the server has a single slot'],
    ['secured', 'the Group needs a token'],
  ])('%s: are brought where %s', async (server) => {
    const first = await run(undefined, { server });
    at(server).changeGroup('diabetes', { add: ['pat-1'] });
    const second = await run(first, { server });
    expect(second.newMembers).toMatchObject({ gained: 1, brought: {} });
    expect(codes(second)).toEqual([]);
  });
});

describe('what is not known or not brought comes later', { timeout: 180_000 }, () => {
  test('an additional export that lacks files leaves no job, which would have the only slot', async () => {
    const server = at('oneSlot');
    const first = await run(undefined, { server: 'oneSlot' });
    server.changeGroup('diabetes', { add: ['pat-1'] });
    server.journal.length = 0;
    const match = () => kickOffs(server).length === 1;
    server.faults.add({ route: 'file', times: Infinity, match, do: { kind: 'answer', status: 404 } });
    const second = await run(first, { server: 'oneSlot', deadline: 'PT60S' });
    expect(codes(second)).toContain('NewMembersMissing');
    expect(kickOffs(server).map(({ status }) => status)).toEqual([202, 202]);
  });

  test('an additional export that fails holds the list, and not the mark', async () => {
    const first = await run();
    hospital().changeGroup('diabetes', { add: ['pat-1'] });
    const body = operationOutcome({ severity: 'error', code: 'invalid', text: 'no such Patient/pat-1' });
    hospital().faults.add({ route: 'status', do: { kind: 'answer', status: 400, body } });
    hospital().faults.add({ route: 'status', skip: 1, do: { kind: 'failJob' } });
    const second = await run(first);
    expect(second).toMatchObject({ status: 'complete', mark: second.transactionTime, newMembers: { gained: 1 } });
    expect(second.newMembers?.brought).toBeUndefined();
    expect(codes(second).sort()).toEqual(['NewMembersMissing', 'NewPatientsInPart']);
    expect(second.warnings.find(({ code }) => code === 'NewMembersMissing')?.message).toMatch(/ExportFailed/);
    const third = await run(second);
    expect(third).toMatchObject({ since: second.mark, newMembers: { gained: 1 } });
    expect(await patientsAt(third.newMembers?.brought?.location)).toEqual(['pat-1']);
    expect(findSecrets(await readHistories(stack), ['pat-1'])).toEqual([]);
  });

  test('one that says that data may be missing, too, unless issues are to be passed over', async () => {
    // The server leaves out a type, and reports it as an issue.
    const odd = { parameters: { _type: ['Patient', 'Group'] }, prefer: ['handling=lenient'] };
    const advance = { ...odd, incremental: { newMembers: 'full', onIssues: 'advance' } };
    const first = await run(undefined, advance);
    expect(first).toMatchObject({ status: 'complete-with-issues', mark: first.transactionTime });
    hospital().changeGroup('diabetes', { add: ['pat-4'] });
    const held = await run(first, odd);
    expect(held.newMembers).toMatchObject({ gained: 1, brought: {} });
    expect(codes(held)).toContain('NewMembersMissing');
    const passed = await run(held, advance);
    expect(passed.newMembers).toMatchObject({ gained: 1, brought: {} });
    expect(codes(passed)).not.toContain('NewMembersMissing');
    expect((await run(passed, advance)).newMembers?.gained).toBe(0);
  });

  test.each([
    ['may not be read', { kind: 'answer', status: 403 }, /HTTP 403/],
    ['is refused to these credentials', { kind: 'answer', status: 401 }, /credentials/],
    ['cannot be read for an hour', { kind: 'answer', status: 503 }, /HTTP 503/],
    [
      'names no members',
      { kind: 'answer', status: 200, body: '{"resourceType":"Group","characteristic":[{}]}' },
      /characteristics/,
    ],
  ] as const)('a Group that %s: all members are brought', async (_what, fault, why) => {
    const first = await run();
    hospital().changeGroup('diabetes', { add: ['pat-1'] });
    refuseGroup(fault);
    const second = await run(first);
    hospital().faults.clear();
    const [since, workflowId] = [first.mark, `${lastId()}.all-members`];
    expect(second).toMatchObject({ since, newMembers: { brought: { workflowId } } });
    expect(second.newMembers).not.toHaveProperty('gained');
    expect(codes(second)).toEqual(['NewMembersUnknown']);
    expect(second.warnings.find(({ code }) => code === 'NewMembersUnknown')?.message).toMatch(why);
    expect(await patientsAt(second.newMembers?.brought?.location)).toEqual(['pat-1', ...MEMBERS]);
    // It has a list of its own, although it has read none.
    await rm(first.location, { recursive: true });
    expect((await run(second)).newMembers?.gained).toBe(1);
  });
});
