import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createExportSchedule, payloadEncryption } from '../../src/client.ts';
import { createSchedule } from '../../src/cli/schedule/create.ts';
import type { CreateOptions } from '../../src/cli/schedule/create.ts';
import { scheduleDetails } from '../../src/cli/schedule/details.ts';
import { scheduleRows } from '../../src/cli/schedule/rows.ts';
import type { Temporal } from '../../src/cli/temporal.ts';
import { newCliUser } from '../support/cli.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

vi.setConfig({ testTimeout: 600_000 });

let stack: Stack;
let temporal: Temporal;
beforeAll(async () => {
  // The server that all files share has no schedules.
  stack = await startStack({ servers: {}, workers: false, temporalArgs: [] });
  const { client } = stack;
  const { address, namespace = 'default' } = stack.temporal;
  const connectionOptions = { address };
  temporal = { service: 'configured', address, namespace, client, connectionOptions, close: async () => {} };
});
afterAll(() => stack?.close());

describe('a schedule cannot be created', () => {
  test('without a configured service', async () => {
    const user = await newCliUser();
    const { code, stdout, stderr } = await user.run(['schedule', 'create', 'a', 'hospital', '--every', '1d']);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('Schedules need a Temporal service');
    expect((await user.run(['schedule'])).code).toBe(64);
    expect((await user.run(['schedule', 'describe'])).code).toBe(64);
    await user.leave();
  });

  test.each<[string, CreateOptions, RegExp, string?]>([
    [
      'an hour that no day has',
      { cron: ['0 99 * * *'] },
      /^--cron '0 99 \* \* \*': Temporal refuses it \(Hour is not in/,
    ],
    ['too few fields', { cron: ['0 2 *'] }, /^--cron "0 2 \*": write five fields/],
    ['seconds, as Quartz has them', { cron: ['0 0 2 * * *'] }, /^--cron "0 0 2 \* \* \*": write five fields/],
    ['a comment', { cron: ['0 2 * * * # x'] }, /^--cron .*: write five fields/],
    ['no time', {}, /^Give --cron or --every/],
    ['two kinds of times', { cron: ['0 2 * * *'], every: '1d' }, /^Give --cron or --every, and not both/],
    ['no time between exports', { every: '0h' }, /^--every 0h: write a time/],
    ['words', { every: 'day' }, /^--every day: write a time/],
    ['an unknown time zone', { cron: ['0 2 * * *'], timeZone: 'Europe/Nowhere' }, /^--time-zone Europe\/Nowhere/],
    ['a time zone of nothing', { every: '1d', timeZone: 'Europe/Berlin' }, /^--time-zone is for --cron/],
    ['the mark of single exports', { every: '1d', since: 'last' }, /^--since last is for single exports/],
    [
      'a time that is given twice',
      { every: '1d', since: '2026-01-01T00:00:00Z', parameter: ['_since=2027-01-01T00:00:00Z'] },
      /^_since is given by an option of its own/,
    ],
    ['new members without a mark', { every: '1d', newMembers: 'full' }, /^--new-members is for --incremental/],
    ['a reaction without a mark', { every: '1d', onIssues: 'advance' }, /^--on-issues is for --incremental/],
    [
      'an end',
      { every: '1d', incremental: true, parameter: ['_until=2026-01-01T00:00:00Z'] },
      /not allowed with incremen/,
    ],
    ['a server that the workers do not know', { every: '1d' }, /^Workers elsewhere run/, 'https://fhir.example.org'],
  ])('with %s', async (_, options, message, server = 'hospital') => {
    const failing = createSchedule(temporal, 'faulty', server, options);
    await expect(failing).rejects.toMatchObject({ name: 'UsageError', message: expect.stringMatching(message) });
    await expect(scheduleDetails(temporal, 'faulty')).rejects.toThrow('has no schedule');
  });

  test('in place of one that starts something else', async () => {
    const action = { type: 'startWorkflow' as const, workflowType: 'other', taskQueue: 'other', args: [] };
    // Its memo can be read by nobody here.
    const { namespace } = temporal;
    const keys = `theirs:${randomBytes(32).toString('base64')}`;
    const theirs = new Client({
      connection: stack.client.connection,
      namespace,
      dataConverter: payloadEncryption({ BULK_EXPORT_ENCRYPTION_KEYS: keys }) ?? {},
    });
    const handle = await theirs.schedule.create({ scheduleId: 'other', spec: {}, action, memo: { secret: 'memo' } });
    const listed = async () =>
      (await stack.client.workflowService.listSchedules({ namespace })).schedules.map(({ scheduleId }) => scheduleId);
    await expect.poll(listed, { timeout: 120_000 }).toContain('other');
    const replacing = createSchedule(temporal, 'other', 'hospital', { every: '1d', replace: true });
    await expect(replacing).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining('starts other, not exports'),
    });
    const request = { server: 'hospital', level: 'system' } as const;
    const changing = createExportSchedule(stack.client, request, { scheduleId: 'other', spec: {} });
    await expect(changing).rejects.toThrow('The schedule "other" starts other, not exports: it is left alone.');
    expect((await handle.describe()).action.workflowType).toBe('other');
    expect(await scheduleRows(temporal)).not.toContainEqual(expect.objectContaining({ scheduleId: 'other' }));
    await handle.delete();
  });
});

test('when exports are started, in words', async () => {
  const words: Record<string, string> = {
    '0 2 * * *': 'every day at 02:00 (UTC)',
    '30 6,18 * * *': 'every day at 06:30, 18:30 (UTC)',
    '@hourly': 'every day at minute 0 of each hour (UTC)',
    '*/15 8-17 * * MON-FRI': 'Monday–Friday at minutes 0, 15, 30, 45 of hours 8–17 (UTC)',
    '0 0 1 */6 *': 'day 1 of the month, in January, July at 00:00 (UTC)',
    '0 3 * * SUN,WED': 'Sunday, Wednesday at 03:00 (UTC)',
  };
  for (const [cron, when] of Object.entries(words)) {
    const options = { cron: [cron], replace: true };
    expect(await createSchedule(temporal, 'words', 'hospital', options)).toMatchObject({ when });
    expect(await createSchedule(temporal, 'words', 'hospital', options)).toMatchObject({ how: 'exists' });
  }
  // It was given the same nevertheless, as after a change of keys.
  expect((await stack.client.schedule.getHandle('words').describe()).info.lastUpdatedAt).toBeDefined();
  const every = { every: '6h', replace: true };
  expect(await createSchedule(temporal, 'words', 'hospital', every)).toMatchObject({
    how: 'changed',
    when: 'every 6 h',
  });
  expect(await createSchedule(temporal, 'words', 'hospital', { every: 'PT6H' })).toMatchObject({ how: 'exists' });
  // As other clients make them.
  const request = { server: 'hospital', level: 'system' } as const;
  const inYear = { cronExpressions: ['0 3 * * SUN,WED 2030'] };
  await createExportSchedule(stack.client, request, { scheduleId: 'words', spec: inYear });
  expect((await scheduleDetails(temporal, 'words')).when).toBe('Sunday, Wednesday, in 2030 at 03:00 (UTC)');
  const spec = {
    calendars: [{ hour: 2, second: 30 }],
    intervals: [{ every: '1 day', offset: '2 hours' }],
    skip: [{ dayOfWeek: 'SUNDAY' as const }],
    jitter: '10 minutes',
    startAt: new Date('2030-01-01T00:00:00Z'),
  };
  const policies = { overlap: 'BUFFER_ONE', catchupWindow: '2 hours' } as const;
  await createExportSchedule(stack.client, request, { scheduleId: 'words', spec, taskQueue: 'west', ...policies });
  expect((await scheduleDetails(temporal, 'words')).when).toBe(
    'every day at minute 0 of hour 2, second 30; every 1 d, 2 h later than counted from 1970, in UTC (UTC), ' +
      'up to 10 min later, but not Sunday at 00:00, from 2030-01-01T00:00:00.000Z on',
  );
  const handle = stack.client.schedule.getHandle('words');
  await handle.update((found) => ({ ...found, action: { ...found.action, workflowExecutionTimeout: '1 hour' } }));
  await expect(createSchedule(temporal, 'words', 'hospital', { every: '6h' })).rejects.toThrow(
    /its own: request, times, task queue west, jitter, .*, execution timeout\)/,
  );
  // What this command has no option for stays, and so does the queue of another deployment.
  const kept = expect.arrayContaining([
    'jitter',
    'overlap policy BUFFER_ONE',
    'catch-up window',
    'execution timeout',
  ]) as unknown;
  expect(await createSchedule(temporal, 'words', 'hospital', every)).toMatchObject({
    how: 'changed',
    when: 'every 6 h, up to 10 min later, but not Sunday at 00:00, from 2030-01-01T00:00:00.000Z on',
    taskQueue: 'west',
    kept,
  });
  expect(await createSchedule(temporal, 'words', 'hospital', every)).toMatchObject({ how: 'exists', kept });
  expect(await handle.describe()).toMatchObject({
    action: { workflowExecutionTimeout: 3_600_000, args: [{ level: 'patient' }] },
    policies: { overlap: 'BUFFER_ONE', catchupWindow: 7_200_000 },
  });
  vi.stubEnv('BULK_EXPORT_TASK_QUEUE', 'east');
  expect(await createSchedule(temporal, 'words', 'hospital', every)).toMatchObject({
    how: 'changed',
    taskQueue: 'east',
  });
  vi.unstubAllEnvs();
  // Without a last result there is no mark.
  await handle.update((found) => ({ ...found, policies: { ...found.policies, overlap: 'ALLOW_ALL' } }));
  expect(await createSchedule(temporal, 'words', 'hospital', every)).toMatchObject({ how: 'changed' });
  expect((await handle.describe()).policies.overlap).toBe('SKIP');
  await handle.delete();
});
