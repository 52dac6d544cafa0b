import { expect, test } from 'vitest';
import { CHECK_SERVER, TASK_QUEUE } from '../../src/contract.ts';
import { auth, backend, files, jwks, stack, useGuardedServers } from '../support/guarded-servers.ts';
import { runCheck } from '../support/check-command.ts';
import { failureOf } from '../support/stack.ts';

useGuardedServers({
  open: [{}, { type: 'none' }],
  ab2d: [{}, { type: 'none' }, {}, { profile: 'ab2d' }],
  google: [{}, { type: 'none' }, {}, { profile: 'google' }],
  healthlake: [{}, { type: 'none' }, {}, { profile: 'healthlake' }],
  barred: [{ jwks }, backend(files.rsaJwk), {}, { allow: { types: ['Patient'] } }],
  reluctant: [
    {
      jwks,
      scopesAllowed: (asked) => (asked.some((scope) => /Group|Binary/.test(scope)) ? 'invalid_scope' : asked),
    },
    backend(files.rsaJwk),
  ],
});

const check = (...args: string[]) => runCheck(stack, args);

test('scopes that the server does not know are left out, as an export leaves them out', async () => {
  const { code, output } = await check('reluctant', '--group', 'a', '--types', 'Patient', '--attachments', 'download');
  expect(output).toMatch(/ok +scopes +"system\/Patient\.rs" is granted/);
  expect(output).toMatch(/ok +credentials/);
  expect(code).toBe(0);
});

test('what is not allowed is neither asked for nor written', async () => {
  for (const wanted of [
    ['--types', 'Condition'],
    ['--type', 'Patient', '--attachments'],
    ['--type', 'Patient', '--lenient'],
  ]) {
    const { code, output } = await check('barred', ...wanted);
    expect(output).toMatch(/FAILED +allowed/);
    expect(output).not.toMatch(/credentials|token endpoint|destination/);
    expect(code).toBe(1);
  }
  expect(auth('barred').requests).toEqual([]);
  expect((await check('barred', '--types', 'Patient')).output).toMatch(/ok +credentials/);
});

test('what an export would refuse is refused, by whomever it is asked for', async () => {
  const failing = stack.client.workflow.execute(CHECK_SERVER, {
    taskQueue: TASK_QUEUE,
    workflowId: 'refused',
    args: [{ server: 'open', level: 'everything', types: ['x.rs system/*'] }],
  });
  const { code, message } = await failureOf(failing);
  expect(code).toBe('InvalidRequest');
  expect(message).toContain('level: must be one of system, patient, group');
  expect(message).toContain('parameters._type: "x.rs system/*" is not a FHIR resource type');
});

test('a check of nothing sensible fails, and is not tried for ever', async () => {
  for (const request of [undefined, { server: 'open', parameters: null }, { server: 'open', types: 5 }]) {
    const failing = stack.client.workflow.execute(CHECK_SERVER, {
      taskQueue: TASK_QUEUE,
      workflowId: `nonsense-${JSON.stringify(request)}`,
      args: [request],
    });
    expect((await failureOf(failing)).code).toBe('InvalidRequest');
  }
});

test('without _since, a server that sends news only by itself is not asked', async () => {
  expect((await check('ab2d')).output).toMatch(/FAILED +request +parameters\._since: without it this server/);
  expect((await check('ab2d', '--parameter', '_since=2020-02-13T00:00:00Z')).code).toBe(0);
  expect((await check('ab2d', '--parameter', '_since=2000-01-01T00:00:00Z')).output).toMatch(
    /FAILED +request +parameters\._since: before 2020-01-01T00:00:00-05:00 it counts as none/,
  );
});

test('what the page of a vendor asks for is checked: no wish fits, and what would not work is named', async () => {
  expect((await check('healthlake')).output).toMatch(/ok +request +level patient/);
  expect((await check('healthlake', '--level', 'system')).output).toMatch(
    /FAILED +request +level: this server exports/,
  );
  expect((await check('google')).output).toMatch(/ok +request +level system/);
  const group = await check('google', '--group', 'a');
  expect(group.output).toMatch(/FAILED +request +parameters\.organizeOutputBy: this server must be given "Patient"/);
  expect((await check('google', '--group', 'a', '--parameter', 'organizeOutputBy=Patient')).code).toBe(0);
});
