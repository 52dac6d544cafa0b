import type { Client } from '@temporalio/client';
import { BULK_EXPORT } from '../../contract.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import type { KnownSchedule } from './known.ts';
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
type Complete = Pick<ScheduledRun, 'workflowId' | 'startedAt' | 'transactionTime' | 'mark'>;

/** @param runs the latest first */
export async function markOf(
  client: Client,
  schedule: KnownSchedule,
  runs: readonly ScheduledRun[],
): Promise<KnownMark> {
  const { request, info } = schedule;
  const isIncremental = request.incremental !== undefined;
  const unknown = isIncremental ? { markUnknown: true as const } : {};
  const last = runs.find(mayBeComplete) ?? (await earlierComplete(client, schedule));
  if (last === undefined) return info.numActionsTaken > runs.length ? unknown : {};
  const { workflowId, startedAt, transactionTime, mark } = last;
  if (transactionTime === undefined) return unknown;
  const isChanged = isIncremental && info.lastUpdatedAt !== undefined && info.lastUpdatedAt > new Date(startedAt);
  return {
    ...(isIncremental && mark !== undefined ? { mark } : {}),
    lastComplete: { workflowId, startedAt, transactionTime },
    ...(isChanged ? { changedSince: true as const } : {}),
  };
}

function mayBeComplete({ status }: ScheduledRun): boolean {
  return status === 'completed' || status === 'forgotten';
}

/** The last complete export of a schedule whose latest ones all failed. */
async function earlierComplete(client: Client, { scheduleId, info }: KnownSchedule): Promise<Complete | undefined> {
  const quoted = scheduleId.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  // One of the same id that was deleted has taken its mark with it.
  const query =
    `WorkflowType = '${BULK_EXPORT}' AND TemporalScheduledById = '${quoted}' AND ExecutionStatus = 'Completed' ` +
    `AND StartTime >= '${info.createdAt.toISOString()}'`;
  for await (const found of tolerant(client).workflow.list({ query, pageSize: 1 })) {
    // The slot, because the run may be one in which the export has continued. At worst the export began a little later.
    // eslint-disable-next-line typescript/no-deprecated
    const [slot] = found.searchAttributes['TemporalScheduledStartTime'] ?? [];
    const startedAt = (slot instanceof Date ? slot : found.startTime).toISOString();
    const { workflowId } = found;
    return { workflowId, startedAt, ...(await endOf(client, workflowId)) };
  }
  return undefined;
}
