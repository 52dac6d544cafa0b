import {
  ActivityFailure,
  CancellationScope,
  TimeoutFailure,
  isCancellation,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import type { AuditEvent } from '../audit/audit-record.ts';
import type { ExportOutcome, ExportReport } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { boundedStep } from './activity-options.ts';
import { encodeSegment } from './default-path.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf, failure } from './failure.ts';
import type { AuditState } from './state.ts';
import { addWarnings } from './state.ts';

/**
 * Records that an export begins, where the workers keep an audit trail, before anything is asked of the server.
 *
 * @throws ApplicationFailure `AuditFailed`
 */
export async function auditStart(run: ExportRun): Promise<void> {
  const { state } = run;
  if (run.opened.audit !== true || state.audit !== undefined) return;
  const { workflowId, runId } = workflowInfo();
  const month = new Date(state.startedAt).toISOString().slice(0, 7);
  state.audit = { name: `${month}/${encodeSegment(workflowId)}.${runId}`, runId };
  try {
    await record(run, { event: 'start' });
  } catch (error) {
    if (isCancellation(error)) throw error;
    // There is nothing that an end could belong to.
    delete state.audit;
    throw failure('AuditFailed', `the start of the export could not be recorded: ${reasonOf(error)}`);
  }
}

/** Records how an export has ended, if its start was. One that cannot be recorded earns a warning. */
export async function auditEnd(run: ExportRun, outcome: ExportOutcome, report?: ExportReport): Promise<void> {
  if (run.state.audit === undefined) return;
  try {
    await CancellationScope.nonCancellable(() =>
      record(run, { event: 'end', outcome, ...(report === undefined ? {} : { report: countsOf(report) }) }),
    );
  } catch (error) {
    log.warn('the end of the export could not be recorded', { reason: reasonOf(error) });
    addWarnings(run.state, [{ code: 'AuditIncomplete', message: WARNINGS.AuditIncomplete }]);
  }
}

/** How an export that fails has ended. */
export function outcomeOf(error: unknown, stopped: boolean, isLate: boolean): ExportOutcome {
  if (isLate) return 'DeadlineExceeded';
  return stopped ? 'cancelled' : (codeOf(error) ?? 'failed');
}

type What = { event: 'start' } | Pick<Extract<AuditEvent, { event: 'end' }>, 'event' | 'outcome' | 'report'>;

async function record(run: ExportRun, what: What): Promise<void> {
  const { request, parameters, opened, limits, state } = run;
  const { server, level, groupId, operation, attachments, requestedBy, purpose } = request;
  const { name, runId } = state.audit as AuditState;
  const { workflowId } = workflowInfo();
  await boundedStep(`audit ${what.event}`, limits.audit).recordAudit({
    ref: opened.ref,
    name,
    event: {
      workflowId,
      runId,
      requestedBy,
      purpose,
      server,
      level,
      groupId,
      operation,
      attachments,
      parameters: parameters ?? {},
      location: opened.location,
      ...what,
    },
  });
}

function countsOf({ transactionTime, files, resources, bytes, byType }: ExportReport) {
  return { transactionTime, files, resources, bytes, byType };
}

/** The last attempt's, where an activity has run out of time. */
function reasonOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const last = cause instanceof TimeoutFailure ? (cause.cause ?? cause) : cause;
  return (last as Error).message;
}
