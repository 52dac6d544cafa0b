import type { Client } from '@temporalio/client';
import { ScheduleClient, ServiceError } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createSchedule } from '../../src/cli/schedule/create.ts';
import type { CreateOptions } from '../../src/cli/schedule/create.ts';
import { scheduleDetails } from '../../src/cli/schedule/details.ts';
import { scheduleRows } from '../../src/cli/schedule/rows.ts';
import { endOf } from '../../src/cli/schedule/runs.ts';
import { describeDeleted, describeSchedule } from '../../src/cli/schedule/show.ts';
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
  // The server that all files share runs no schedules. Exports go on in further runs, whose beginnings do not matter.
  const temporalArgs = ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=25'];
  stack = await startStack({ servers: { hospital: { patients: 5, pollsUntilReady: 3 } }, temporalArgs });
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
  const before = await scheduleDetails(temporal, 'nightly');
  for (const name of ['mark', 'markUnknown']) expect(before).not.toHaveProperty(name);
  expect(describeSchedule(before).join('\n')).toMatch(/mark +none yet/);

  const { workflowId: first } = await schedule<{ workflowId: string }>('trigger', 'nightly');
  const { transactionTime } = await reportOf(first);
  expect(await schedule('describe', 'nightly')).toMatchObject({
    mark: transactionTime,
    lastComplete: { workflowId: first, transactionTime },
    runs: [{ workflowId: first, status: 'completed', outcome: 'complete', mark: transactionTime }],
  });
  // Temporal tells of the last run only when that began.
  const { recentActions } = (await stack.client.schedule.getHandle('nightly').describe()).info;
  const last = recentActions.at(-1);
  const { runId } = await stack.client.workflow.getHandle(first).describe();
  expect(runId).not.toBe(last?.action.workflow.firstExecutionRunId);
  const startedAt = last?.takenAt.toISOString();
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject({
    lastComplete: { startedAt },
    runs: [{ startedAt }],
  });

  // Another one by that id is refused, unless it is to take its place; then the mark stays.
  const other = await user.run(['schedule', ...nightly], temporalEnv(stack));
  expect(other).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('add --replace') });
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject({ when });
  const inUtc = { how: 'changed', when: when.replace(/\(.*/, '(UTC)') };
  expect(await schedule(...nightly, '--replace')).toMatchObject(inUtc);
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject({ mark: transactionTime, changedSince: true });
  const second = (await triggerSchedule(temporal, 'nightly')) ?? '';
  expect(await reportOf(second)).toMatchObject({ since: transactionTime });
  const { mark } = await scheduleDetails(temporal, 'nightly');
  expect(mark).not.toBe(transactionTime);

  // As Temporal's clients trigger: it is given no mark, and its own is not kept. The next one shows it.
  await stack.client.schedule.getHandle('nightly').trigger();
  const newest = async () => (await scheduleDetails(temporal, 'nightly')).runs[0]?.workflowId ?? second;
  await expect.poll(newest, { timeout: 120_000 }).not.toBe(second);
  expect(await reportOf(await newest())).not.toHaveProperty('since');
  const known = { mark, lastComplete: { workflowId: second } };
  expect(await scheduleDetails(temporal, 'nightly')).toMatchObject(known);
  const third = (await triggerSchedule(temporal, 'nightly')) ?? '';
  expect(await reportOf(third)).toMatchObject({ since: mark });
  const { mark: newMark } = await scheduleDetails(temporal, 'nightly');
  expect(newMark).not.toBe(mark);

  await schedule('pause', 'nightly');
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
  expect(deleted).toMatchObject({ code: 0, stdout: expect.stringContaining(`--incremental --since ${newMark}`) });
  // Reports of one that is gone are not its own.
  await createSchedule(temporal, 'nightly', 'hospital', { ...same, since: newMark as string });
  const again = await scheduleDetails(temporal, 'nightly');
  expect(again).toMatchObject({ request: { incremental: { initialSince: newMark } }, runs: [] });
  expect(again).not.toHaveProperty('lastComplete');
  expect(describeSchedule(again).join('\n')).toContain(`the first one brings what has changed since ${newMark}`);
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

  // The schedule of another request has no use for the mark, and without its report nobody here knows it.
  const deleted = async () => describeDeleted(await scheduleDetails(temporal, 'weekly')).join('\n');
  expect(await deleted()).toContain(`with --incremental --since ${mark}`);
  await createSchedule(temporal, 'weekly', 'hospital', { ...options, type: ['Patient', 'Condition'], replace: true });
  expect(await scheduleDetails(temporal, 'weekly')).toMatchObject({ mark, changedSince: true });
  expect(await deleted()).toMatch(
    /"_type":"?\[?"Patient.*\nIts mark, .*, is of an export that began before its last change/s,
  );
  expect(await deleted()).not.toContain('with --incremental --since');
  const { namespace } = temporal;
  const workflowExecution = { workflowId: complete };
  await stack.client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution });
  await expect
    .poll(() => scheduleDetails(temporal, 'weekly'), { timeout: 120_000 })
    .toMatchObject({
      markUnknown: true,
      runs: [{ workflowId: failed }, { workflowId: complete, status: 'forgotten' }],
    });
  const forgotten = await scheduleDetails(temporal, 'weekly');
  expect(forgotten).not.toHaveProperty('mark');
  expect(describeSchedule(forgotten).join('\n')).toMatch(/mark +not known here/);
  expect(await deleted()).toContain('Its mark is not known here, and is gone with it');

  // One at a time.
  server?.faults.clear();
  server?.faults.add({ route: 'kickOff', times: Infinity, do: { kind: 'answer', status: 503 } });
  const waiting = (await triggerSchedule(temporal, 'weekly')) ?? '';
  await expect(triggerSchedule(temporal, 'weekly')).rejects.toThrow(`${waiting} is running, and nothing was started`);
  // As if it had begun after the first look.
  const { getHandle } = ScheduleClient.prototype;
  vi.spyOn(ScheduleClient.prototype, 'getHandle').mockImplementationOnce(function (this: ScheduleClient, id) {
    const handle = getHandle.call(this, id);
    const describe = async () => {
      const found = await handle.describe();
      return { ...found, info: { ...found.info, runningActions: [] } };
    };
    return { ...handle, describe };
  });
  await expect(triggerSchedule(temporal, 'weekly')).rejects.toThrow('an export of it is running');
  server?.faults.clear();
  await stack.client.workflow.getHandle(waiting).cancel();
  await expect(reportOf(waiting)).rejects.toThrow();
  await stack.client.schedule.getHandle('weekly').delete();
});

test('a service that goes away is not waited for without end', async () => {
  const result = async (): Promise<never> => {
    throw new ServiceError('gone', { cause: Object.assign(new Error('14 UNAVAILABLE'), { code: 14 }) });
  };
  const withAbortSignal = async <T>(_signal: AbortSignal, call: () => Promise<T>): Promise<T> => call();
  const client = { workflow: { getHandle: () => ({ result }) }, withAbortSignal } as unknown as Client;
  await expect(endOf(client, 'export', 10)).rejects.toThrow('Temporal does not say how export ended.');
});
