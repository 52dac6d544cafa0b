import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createExportSchedule } from '../../src/client.ts';
import { createSchedule } from '../../src/cli/schedule/create.ts';
import type { CreateOptions } from '../../src/cli/schedule/create.ts';
import { scheduleDetails } from '../../src/cli/schedule/details.ts';
import { scheduleRows } from '../../src/cli/schedule/rows.ts';
import { describeSchedule } from '../../src/cli/schedule/show.ts';
import { triggerSchedule } from '../../src/cli/schedule/trigger.ts';
import type { Temporal } from '../../src/cli/temporal.ts';
import type { ExportReport } from '../../src/contract.ts';
import type { CliUser } from '../support/cli.ts';
import { newCliUser } from '../support/cli.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

// Many processes, one after the other.
vi.setConfig({ testTimeout: 600_000 });

/** Nothing is started but what is triggered. */
const RARELY = '0 2 29 2 *';

let stack: Stack;
let temporal: Temporal;
let user: CliUser;
beforeAll(async () => {
  // The server that all files share runs no schedules.
  stack = await startStack({ servers: { hospital: { patients: 5, pollsUntilReady: 1 } }, temporalArgs: [] });
  const { client } = stack;
  const { address, namespace = 'default' } = stack.temporal;
  const connectionOptions = { address };
  temporal = { service: 'configured', address, namespace, client, connectionOptions, close: async () => {} };
});
afterAll(() => stack?.close());
beforeEach(async () => {
  user = await newCliUser();
});
afterEach(() => user.leave());

/** Runs a subcommand that succeeds. @returns its JSON */
async function schedule<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await user.run(['schedule', ...args, '--json'], temporalEnv(stack));
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as T;
}

const reportOf = async (workflowId: string): Promise<ExportReport> =>
  (await stack.client.workflow.getHandle(workflowId).result()) as ExportReport;

test('a schedule is created, triggered, described, paused and deleted; its exports move the mark', async () => {
  const nightly = ['create', 'nightly', 'hospital', '--type', 'Patient', '--incremental', '--cron', RARELY];
  const same: CreateOptions = { type: ['Patient'], incremental: true, cron: [RARELY], timeZone: 'Europe/Berlin' };
  const when = 'day 29 of the month, in February at 02:00 (Europe/Berlin)';
  const created = await schedule(...nightly, '--time-zone', 'Europe/Berlin');
  expect(created).toMatchObject({ scheduleId: 'nightly', how: 'created', when, paused: false });
  expect(created).toHaveProperty('next.0', expect.stringMatching(/-02-29T01:00:00.000Z$/));
  expect(await createSchedule(temporal, 'nightly', 'hospital', same)).toMatchObject({ how: 'exists' });
  expect(await scheduleDetails(temporal, 'nightly')).not.toHaveProperty('mark');

  const { workflowId: first } = await schedule<{ workflowId: string }>('trigger', 'nightly');
  const { transactionTime } = await reportOf(first);
  expect(await schedule('describe', 'nightly')).toMatchObject({
    mark: transactionTime,
    lastComplete: { workflowId: first, transactionTime },
    runs: [{ workflowId: first, status: 'completed', outcome: 'complete', mark: transactionTime }],
  });

  // Another one by that id is refused, unless it is to take its place; then the mark stays.
  const other = await user.run(['schedule', ...nightly], temporalEnv(stack));
  expect(other).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('add --replace') });
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject({ when });
  const inUtc = { how: 'changed', when: when.replace(/\(.*/, '(UTC)') };
  expect(await schedule(...nightly, '--replace')).toMatchObject(inUtc);
  const second = (await triggerSchedule(temporal, 'nightly')) ?? '';
  expect(await reportOf(second)).toMatchObject({ since: transactionTime });
  const { mark } = await scheduleDetails(temporal, 'nightly');
  expect(mark).not.toBe(transactionTime);

  await schedule('pause', 'nightly', '--reason', 'maintenance');
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject({ paused: true, note: 'maintenance' });
  await expect
    .poll(() => scheduleRows(temporal), { timeout: 120_000 })
    .toMatchObject([{ scheduleId: 'nightly', paused: true, note: 'maintenance', lastStartedAt: expect.any(String) }]);
  const list = await user.run(['schedule', 'list'], temporalEnv(stack));
  expect(list.stdout).toMatch(/nightly +day 29 .* +paused +20/);
  expect(await schedule('unpause', 'nightly')).toEqual({ scheduleId: 'nightly', paused: false });
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject({ paused: false });

  const deleted = await user.run(['schedule', 'delete', 'nightly'], temporalEnv(stack));
  expect(deleted).toMatchObject({ code: 0, stdout: expect.stringContaining(`--incremental --since ${mark}`) });
  // Reports of one that is gone are not its own.
  await createSchedule(temporal, 'nightly', 'hospital', { ...same, since: mark as string });
  const again = await scheduleDetails(temporal, 'nightly');
  expect(again).toMatchObject({ request: { incremental: { initialSince: mark } }, runs: [] });
  expect(again).not.toHaveProperty('lastComplete');
  expect(describeSchedule(again).join('\n')).toContain(`the first one brings what has changed since ${mark}`);
  await stack.client.schedule.getHandle('nightly').delete();
});

test('an export that failed does not move the mark, and is told by its code', async () => {
  const server = stack.servers['hospital'];
  const options: CreateOptions = { cron: [RARELY], incremental: true, onIssues: 'advance', type: ['Patient'] };
  await createSchedule(temporal, 'weekly', 'hospital', options);
  const run = async (): Promise<string> => {
    const workflowId = (await triggerSchedule(temporal, 'weekly')) ?? '';
    await reportOf(workflowId).catch(() => {});
    return workflowId;
  };
  const complete = await run();
  const { mark } = await reportOf(complete);
  server?.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 400 } });
  const failed = await run();
  const details = await scheduleDetails(temporal, 'weekly');
  expect(details).toMatchObject({
    mark,
    lastComplete: { workflowId: complete },
    runs: [{ workflowId: failed, status: 'failed', outcome: 'KickOffRejected' }, { workflowId: complete }],
  });
  const text = describeSchedule(details);
  expect(text[0]).toBe('weekly: day 29 of the month, in February at 02:00 (UTC)');
  expect(text.join('\n')).toMatch(new RegExp(`mark +${mark}: the next export .* \\(by ${complete}\\)`));
  expect(text.at(-2)).toMatch(new RegExp(`^ +${failed} +KickOffRejected`));

  // One at a time.
  server?.faults.clear();
  server?.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 503 } });
  const waiting = (await triggerSchedule(temporal, 'weekly')) ?? '';
  await expect(triggerSchedule(temporal, 'weekly')).rejects.toThrow(`${waiting} is running, and nothing was started`);
  server?.faults.clear();
  await stack.client.workflow.getHandle(waiting).cancel();
  await expect(reportOf(waiting)).rejects.toThrow();
  await stack.client.schedule.getHandle('weekly').delete();
});

describe('a schedule cannot be created', () => {
  test('without a configured service', async () => {
    const { code, stdout, stderr } = await user.run(['schedule', 'create', 'a', 'hospital', '--every', '1d']);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('Schedules need a Temporal service');
    expect((await user.run(['schedule'])).code).toBe(64);
    expect((await user.run(['schedule', 'describe'])).code).toBe(64);
  });

  test.each<[string, CreateOptions, RegExp, string?]>([
    [
      'an hour that no day has',
      { cron: ['0 99 * * *'] },
      /^--cron '0 99 \* \* \*': Temporal refuses it \(Hour is not in/,
    ],
    ['too few fields', { cron: ['0 2 *'] }, /^--cron "0 2 \*": write five fields/],
    ['a comment', { cron: ['0 2 * * * # x'] }, /^--cron .*: write five fields/],
    ['no time', {}, /^Give --cron or --every/],
    ['two kinds of times', { cron: ['0 2 * * *'], every: '1d' }, /^Give --cron or --every, and not both/],
    ['no time between exports', { every: '0h' }, /^--every 0h: write a time/],
    ['words', { every: 'day' }, /^--every day: write a time/],
    ['an unknown time zone', { cron: ['0 2 * * *'], timeZone: 'Europe/Nowhere' }, /^--time-zone Europe\/Nowhere/],
    ['a time zone of nothing', { every: '1d', timeZone: 'Europe/Berlin' }, /^--time-zone is for --cron/],
    ['the mark of single exports', { every: '1d', since: 'last' }, /^--since last is for single exports/],
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
    const handle = await stack.client.schedule.create({ scheduleId: 'other', spec: {}, action });
    const replacing = createSchedule(temporal, 'other', 'hospital', { every: '1d', replace: true });
    await expect(replacing).rejects.toThrow('starts other, not exports');
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
    '0 3 * * SUN,WED 2030': 'Sunday, Wednesday, in 2030 at 03:00 (UTC)',
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
  const spec = {
    calendars: [{ hour: 2, second: 30 }],
    intervals: [{ every: '1 day', offset: '2 hours' }],
    skip: [{ dayOfWeek: 'SUNDAY' as const }],
    jitter: '10 minutes',
    startAt: new Date('2030-01-01T00:00:00Z'),
  };
  const request = { server: 'hospital', level: 'system' } as const;
  await createExportSchedule(stack.client, request, { scheduleId: 'words', spec });
  expect((await scheduleDetails(temporal, 'words')).when).toBe(
    'every day at minute 0 of hour 2, second 30; every 1 d, 2 h later than counted from midnight UTC (UTC), ' +
      'up to 10 min later, but not Sunday at 00:00, from 2030-01-01T00:00:00.000Z on',
  );
  const other = createSchedule(temporal, 'words', 'hospital', every);
  expect(await other).toMatchObject({ how: 'changed' });
  await stack.client.schedule.getHandle('words').delete();
});
