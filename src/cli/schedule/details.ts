import type { Client, ScheduleExecutionResult } from '@temporalio/client';
import type { ExportReport, ExportRequest } from '../../contract.ts';
import { BULK_EXPORT } from '../../contract.ts';
import { isOpen } from '../../process/is-running.ts';
import type { ExportRow } from '../export-rows.ts';
import { rowOf } from '../export-rows.ts';
import { describe } from '../export/begin.ts';
import { outcomeOf } from '../export/follow.ts';
import type { Temporal } from '../temporal.ts';
import type { KnownSchedule } from './known.ts';
import { knownSchedule } from './known.ts';
import { wordsOfSpec } from './words.ts';

/** What is known of one schedule; times are ISO 8601 in UTC. */
export interface ScheduleDetails {
  scheduleId: string;
  /** In words. */
  when: string;
  paused: boolean;
  note?: string;
  request: ExportRequest;
  taskQueue: string;
  next: string[];
  /** Slots in which nothing was started, because an export ran, or Temporal was away for longer than an hour. */
  skipped: number;
  missed: number;
  /** Where the next export goes on; null: it brings all data. Absent: no report of a complete export is there. */
  mark?: string | null;
  /** The export whose mark that is. */
  lastComplete?: { workflowId: string; startedAt: string; transactionTime: string };
  /** The schedule was changed after the last complete export: if it asks for other data, its mark does not count. */
  changedSince?: true;
  /** The latest first. */
  runs: ScheduledRun[];
}

/** One export of a schedule. */
export interface ScheduledRun extends ExportRow {
  /** The slot. */
  scheduledAt: string;
  /** Of the report, or code of the failure; absent while it runs, and after it was cancelled. */
  outcome?: string;
  transactionTime?: string;
  since?: string;
  mark?: string | null;
}

export async function scheduleDetails(temporal: Temporal, scheduleId: string): Promise<ScheduleDetails> {
  const { client } = temporal;
  const schedule = await knownSchedule(temporal, scheduleId);
  const { spec, state, request, action, info } = schedule;
  const runs = (await Promise.all(info.recentActions.map((one) => runOf(client, one)))).reverse();
  const last =
    runs.find(({ transactionTime }) => transactionTime !== undefined) ?? (await lastComplete(client, schedule));
  return {
    scheduleId,
    when: wordsOfSpec(spec),
    paused: state.paused,
    ...(state.note === undefined || state.note === '' ? {} : { note: state.note }),
    request,
    taskQueue: action.taskQueue,
    next: info.nextActionTimes.map((time) => time.toISOString()),
    skipped: info.numActionsSkippedOverlap,
    missed: info.numActionsMissedCatchupWindow,
    ...(last === undefined ? {} : markOf(last, schedule)),
    runs,
  };
}

function markOf(
  { workflowId, startedAt, transactionTime = '', mark }: Omit<ScheduledRun, 'scheduledAt'>,
  { request, info }: KnownSchedule,
): Pick<ScheduleDetails, 'mark' | 'lastComplete' | 'changedSince'> {
  const isIncremental = request.incremental !== undefined;
  const isChanged = isIncremental && info.lastUpdatedAt !== undefined && info.lastUpdatedAt > new Date(startedAt);
  return {
    ...(isIncremental && mark !== undefined ? { mark } : {}),
    lastComplete: { workflowId, startedAt, transactionTime },
    ...(isChanged ? { changedSince: true as const } : {}),
  };
}

async function runOf(client: Client, { scheduledAt, takenAt, action }: ScheduleExecutionResult): Promise<ScheduledRun> {
  const { workflowId } = action.workflow;
  const slot = { scheduledAt: scheduledAt.toISOString() };
  const found = await describe(client, workflowId);
  // The namespace keeps it no longer.
  if (found === undefined) return { workflowId, status: 'forgotten', startedAt: takenAt.toISOString(), ...slot };
  const row = { ...rowOf(found), ...slot };
  return isOpen(found) ? row : { ...row, ...(await endOf(client, workflowId)) };
}

/** How an export of a schedule ended. */
async function endOf(client: Client, workflowId: string): Promise<Partial<ScheduledRun>> {
  const outcome = await outcomeOf(client, workflowId, new AbortController().signal);
  if (outcome.kind === 'complete') return fieldsOf(outcome.report);
  return outcome.kind === 'failed' ? { outcome: outcome.code } : {};
}

function fieldsOf({ status, transactionTime, since, mark }: ExportReport): Partial<ScheduledRun> {
  return {
    outcome: status,
    transactionTime,
    ...(since === undefined ? {} : { since }),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** The last complete export of a schedule whose latest ones all failed. */
async function lastComplete(client: Client, { scheduleId, info }: KnownSchedule): Promise<ExportRow | undefined> {
  const quoted = scheduleId.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  // One of the same id that was deleted has taken its mark with it.
  const query =
    `WorkflowType = '${BULK_EXPORT}' AND TemporalScheduledById = '${quoted}' AND ExecutionStatus = 'Completed' ` +
    `AND StartTime >= '${info.createdAt.toISOString()}'`;
  for await (const found of client.workflow.list({ query, pageSize: 1 })) {
    return { ...rowOf(found), ...(await endOf(client, found.workflowId)) };
  }
  return undefined;
}
