import {
  ActivityFailure,
  CancellationScope,
  TimeoutFailure,
  isCancellation,
  log,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import type { AuditedEnd } from '../audit/audit-record.ts';
import type { ExportOutcome } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { sumOfData } from '../policy/type-counts.ts';
import { boundedStep } from './activity-options.ts';
import { encodeSegment } from './default-path.ts';
import type { ExportRun } from './export-run.ts';
import { WITHOUT_CODE, codeOf, failure } from './failure.ts';
import { metrics } from './metrics.ts';
import type { AuditState } from './state.ts';
import { addWarnings } from './state.ts';

const MINUTE = 60_000;

/**
 * Records that an export begins, where the workers keep an audit trail, before anything is asked of the server.
 *
 * @throws ApplicationFailure `AuditFailed`
 */
export async function auditStart(run: ExportRun): Promise<void> {
  const { state } = run;
  if (run.opened.audit !== true || state.audit !== undefined) return;
  // A reset makes another run, whose start has been recorded.
  const { workflowId, originalExecutionRunId: runId } = workflowInfo();
  const month = new Date(state.startedAt).toISOString().slice(0, 7);
  state.audit = { name: `${month}/${encodeSegment(workflowId)}.${runId}`, runId };
  try {
    await record(run, { event: 'start' }, run.limits.audit);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const reason = reasonOf(error);
    if (patched('end-of-an-unrecorded-start')) await recordNoStart(run);
    delete state.audit;
    throw failure('AuditFailed', `the start of the export could not be recorded: ${reason}`);
  }
}

/** Records how an export has ended, if its start was. One that cannot be recorded earns a warning. */
export async function auditEnd(run: ExportRun, outcome: ExportOutcome): Promise<void> {
  if (run.state.audit === undefined) return;
  try {
    await CancellationScope.nonCancellable(() =>
      record(run, { event: 'end', outcome, ...leftBy(run) }, run.limits.audit),
    );
  } catch (error) {
    log.warn('the end of the export could not be recorded', { reason: reasonOf(error) });
    addWarnings(run.state, [{ code: 'AuditIncomplete', message: WARNINGS.AuditIncomplete }]);
  }
}

/** A write that hung may still land: then an end says that no data followed, if it can be recorded by now. */
async function recordNoStart(run: ExportRun): Promise<void> {
  const end = { event: 'end', outcome: 'AuditFailed' } as const;
  await CancellationScope.nonCancellable(() => record(run, end, Math.min(MINUTE, run.limits.audit))).catch(() => {});
}

/** How an export that fails has ended. */
export function outcomeOf(error: unknown, stopped: boolean, isLate: boolean): ExportOutcome {
  if (isLate) return 'DeadlineExceeded';
  return stopped ? 'cancelled' : (codeOf(error) ?? WITHOUT_CODE);
}

type What = { event: 'start' } | ({ event: 'end' } & AuditedEnd);

/** @param time milliseconds for all attempts */
async function record(run: ExportRun, what: What, time: number): Promise<void> {
  const { event } = what;
  try {
    run.pends(`record the ${event} in the audit trail`);
    await callActivity(run, what, time);
    metrics.count('audit_records_total', { event, outcome: 'recorded' });
  } catch (error) {
    if (!isCancellation(error)) metrics.count('audit_records_total', { event, outcome: 'lost' });
    throw error;
  } finally {
    run.pends(undefined);
  }
}

async function callActivity(run: ExportRun, what: What, time: number): Promise<void> {
  const { request, parameters, opened, state } = run;
  const { server, level, groupId, operation, attachments, requestedBy, purpose, newMembersOf } = request;
  const { name, runId } = state.audit as AuditState;
  const { workflowId, runId: thisRun, originalExecutionRunId } = workflowInfo();
  await boundedStep(`audit ${what.event}`, time).recordAudit({
    ref: opened.ref,
    name,
    ...(thisRun === originalExecutionRunId ? {} : { resetRun: thisRun }),
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
      ...(newMembersOf === undefined ? {} : { newMembersOf }),
      parameters: parameters ?? {},
      location: opened.location,
      ...what,
    },
  });
}

/** What an export leaves at its destination. */
function leftBy({ published, state }: ExportRun): Omit<AuditedEnd, 'outcome'> {
  const { report, manifestSha256 } = published;
  if (report !== undefined) {
    const { transactionTime, files, resources, bytes, byType } = report;
    const hash = manifestSha256 === undefined ? {} : { manifestSha256 };
    return { report: { transactionTime, files, resources, bytes, byType }, ...hash };
  }
  const { downloads, attachments, manifest } = state.job;
  if (downloads === undefined) return {};
  const byType = { ...downloads.seen, ...attachments?.downloads.seen };
  const time = manifest === undefined ? {} : { transactionTime: manifest.transactionTime };
  return {
    stored: { ...time, ...sumOfData(byType), byType },
    ...(manifestSha256 === undefined ? {} : { partialManifestSha256: manifestSha256 }),
  };
}

/** The last attempt's, where an activity has run out of time. */
function reasonOf(error: unknown): string {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const last = cause instanceof TimeoutFailure ? (cause.cause ?? cause) : cause;
  return (last as Error).message;
}
