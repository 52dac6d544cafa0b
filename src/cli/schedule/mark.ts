import type { Client } from '@temporalio/client';
import { BULK_EXPORT } from '../../contract.ts';
import { quoted } from '../../process/quoted.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import type { KnownSchedule } from './known.ts';
import { hadLastResult } from './last-result.ts';
import type { ScheduledRun } from './runs.ts';
import { endOf } from './runs.ts';

/**
 * Where the next export of a schedule goes on, as far as that is known here. Temporal keeps the last report for as long as
 * the schedule exists, and shows it to nobody: it is looked for among the exports that the namespace still has.
 */
export interface KnownMark {
  /** Null: the next export brings all data. Absent: no export was complete, or `markUnknown`. */
  mark?: string | null;
  /** There may be a mark: the report that has it is gone, or cannot be read here. */
  markUnknown?: true;
  /** The export whose mark that is. */
  lastComplete?: { workflowId: string; startedAt: string; transactionTime: string };
  /** The schedule was changed after the last complete export began: if it asks for other data, its mark does not count. */
  changedSince?: true;
}

/** A complete export, with its report where it could be read. */
type Complete = Pick<ScheduledRun, 'workflowId' | 'status' | 'startedAt' | 'transactionTime' | 'mark'>;

/** Exports that are looked at: of some, Temporal does not keep the result. */
const MOST_LOOKS = 20;

/** @param runs the latest first */
export async function markOf(
  client: Client,
  schedule: KnownSchedule,
  runs: readonly ScheduledRun[],
): Promise<KnownMark> {
  const { request, info } = schedule;
  const isIncremental = request.incremental !== undefined;
  const unknown = isIncremental && keepsResults(schedule) ? { markUnknown: true as const } : {};
  const last = await lastKept(client, schedule, runs);
  if (last === undefined) return info.numActionsTaken > runs.length ? unknown : {};
  const { workflowId, startedAt, transactionTime, mark } = last;
  if (transactionTime === undefined) return unknown;
  const isChanged = isIncremental && info.lastUpdatedAt !== undefined && info.lastUpdatedAt > new Date(startedAt);
  const next = keepsResults(schedule) ? mark : null;
  return {
    ...(isIncremental && next !== undefined ? { mark: next } : {}),
    lastComplete: { workflowId, startedAt, transactionTime },
    ...(isChanged ? { changedSince: true as const } : {}),
  };
}

/** Other clients make schedules whose exports are all given no last result. */
function keepsResults({ policies }: KnownSchedule): boolean {
  return policies.overlap !== 'ALLOW_ALL';
}

/**
 * The last complete export whose result Temporal keeps: not one that was started with the policy *allow all*. Of several
 * that were given no result themselves it is the first one.
 */
async function lastKept(
  client: Client,
  schedule: KnownSchedule,
  runs: readonly ScheduledRun[],
): Promise<Complete | undefined> {
  let first: Complete | undefined;
  let looks = 0;
  for await (const one of complete(client, schedule, runs)) {
    if (one.status === 'forgotten' || !keepsResults(schedule)) return one;
    if (await hadLastResult(client, one.workflowId)) return one;
    first = one;
    if (++looks === MOST_LOOKS) break;
  }
  return first;
}

/** Exports of a schedule that are complete, or may be: the latest first. */
async function* complete(
  client: Client,
  { scheduleId, info }: KnownSchedule,
  runs: readonly ScheduledRun[],
): AsyncGenerator<Complete> {
  const recent = runs.filter(({ status }) => status === 'completed' || status === 'forgotten');
  yield* recent;
  if (info.numActionsTaken <= runs.length) return;
  const told = new Set(recent.map(({ workflowId }) => workflowId));
  // One of the same id that was deleted has taken its mark with it.
  const query =
    `WorkflowType = '${BULK_EXPORT}' AND TemporalScheduledById = ${quoted(scheduleId)} AND ExecutionStatus = 'Completed' ` +
    `AND StartTime >= '${info.createdAt.toISOString()}'`;
  for await (const found of tolerant(client).workflow.list({ query, pageSize: MOST_LOOKS })) {
    const { workflowId } = found;
    if (told.has(workflowId)) continue;
    // The slot, because the run may be one in which the export has continued. At worst the export began a little later.
    // eslint-disable-next-line typescript/no-deprecated
    const [slot] = found.searchAttributes['TemporalScheduledStartTime'] ?? [];
    const startedAt = (slot instanceof Date ? slot : found.startTime).toISOString();
    yield { workflowId, status: 'completed', startedAt, ...(await endOf(client, workflowId)) };
  }
}
