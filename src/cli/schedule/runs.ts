import type { Client, ScheduleExecutionResult } from '@temporalio/client';
import { ServiceError } from '@temporalio/client';
import type { ExportReport } from '../../contract.ts';
import { isFailureCode } from '../../client/export-failure.ts';
import { isOpen } from '../../process/is-running.ts';
import { describe } from '../export/begin.ts';
import type { Outcome } from '../export/follow.ts';
import { outcomeOf } from '../export/follow.ts';
import type { ExportRow } from '../export-rows.ts';
import { rowOf } from '../export-rows.ts';

/** One export of a schedule. Its status is `forgotten` when the namespace no longer has it. */
export interface ScheduledRun extends ExportRow {
  /** The slot. */
  scheduledAt: string;
  /** Of the report, or code of the failure; absent while it runs, after it was cancelled, and where it cannot be read. */
  outcome?: string;
  transactionTime?: string;
  since?: string;
  mark?: string | null;
}

/** Milliseconds in which Temporal gives the result of an export that has ended. */
const PATIENCE = 30_000;

/** What is known of an export that a schedule has started. */
export async function runOf(
  client: Client,
  { scheduledAt, takenAt, action }: ScheduleExecutionResult,
): Promise<ScheduledRun> {
  const { workflowId } = action.workflow;
  // Of the export: Temporal tells when its latest run began.
  const times = { startedAt: takenAt.toISOString(), scheduledAt: scheduledAt.toISOString() };
  const found = await describe(client, workflowId);
  if (found === undefined) return { workflowId, status: 'forgotten', ...times };
  const row = { ...rowOf(found), ...times };
  return isOpen(found) ? row : { ...row, ...(await endOf(client, workflowId)) };
}

/**
 * How an export of a schedule ended: nothing where that is gone, or cannot be read.
 *
 * @param patience milliseconds. Default: half a minute
 * @throws Error when Temporal does not answer
 */
export async function endOf(client: Client, workflowId: string, patience = PATIENCE): Promise<Partial<ScheduledRun>> {
  const signal = AbortSignal.timeout(patience);
  let outcome: Outcome;
  try {
    outcome = await outcomeOf(client, workflowId, signal);
  } catch (error) {
    if (signal.aborted) throw new Error(`Temporal does not say how ${workflowId} ended.`, { cause: error });
    if (error instanceof ServiceError) throw error;
    return {};
  }
  if (outcome.kind === 'complete') return fieldsOf(outcome.report);
  // Without a code, as after a timeout of Temporal's, the status says more.
  return outcome.kind === 'failed' && isFailureCode(outcome.code) ? { outcome: outcome.code } : {};
}

function fieldsOf({ status, transactionTime, since, mark }: ExportReport): Partial<ScheduledRun> {
  return {
    outcome: status,
    transactionTime,
    ...(since === undefined ? {} : { since }),
    ...(mark === undefined ? {} : { mark }),
  };
}
