import { ApplicationFailure, TemporalFailure, isCancellation, log } from '@temporalio/workflow';
import type { ExportPhase, ExportReport, FailureDetails } from '../contract.ts';
import { tidy } from '../fhir/quote.ts';
import { namesPatients, ownWords } from '../policy/own-words.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf } from './failure.ts';
import { serverOf } from './metrics.ts';

/** Characters of a reason; Temporal has the whole message. */
const LONGEST_REASON = 300;

/**
 * The line of the workers' log with which an export begins. As all lines of workflows it has the ids of workflow and run,
 * is written by the worker that runs the export, and not on replay.
 */
export function logBegin(run: ExportRun): void {
  const { opened, request } = run;
  log.info('export began', {
    server: serverOf(run),
    level: request.level,
    location: opened.location,
    continues: opened.adopted,
  });
}

/** The line with which an export ends that has a report. */
export function logEnd(run: ExportRun, { status, files, resources, bytes, warnings }: ExportReport): void {
  const codes = [...new Set(warnings.map(({ code }) => code))];
  log.info('export ended', { ...ofRun(run), outcome: status, files, resources, bytes, warnings: codes });
}

/**
 * The same for an export that was cancelled; a warning for one that has failed. What fails a task, which is tried again, is
 * no end.
 */
export function logFailure(run: ExportRun | undefined, error: unknown): void {
  if (!(error instanceof TemporalFailure)) return;
  const isCancelled = isCancellation(error);
  const { files, resources, bytes } = run?.progress ?? {};
  log[isCancelled ? 'info' : 'warn']('export ended', {
    ...ofRun(run),
    outcome: isCancelled ? 'cancelled' : (codeOf(error) ?? 'failed'),
    phase: phaseOf(error),
    files: files?.done,
    of: files?.total,
    resources,
    bytes,
    reason: reasonOf(run, error),
  });
}

/**
 * Why the export failed, for a log, which more people read than Temporal: what others have said is left out where it may
 * name patients of the request, and where the request could not be read.
 */
function reasonOf(run: ExportRun | undefined, { message }: TemporalFailure): string {
  const mayQuote = run !== undefined && !namesPatients(run.request);
  return tidy(mayQuote ? message : ownWords(message), LONGEST_REASON);
}

/** In which it failed. */
function phaseOf(error: TemporalFailure): ExportPhase | undefined {
  const [details] = (error instanceof ApplicationFailure ? error.details : undefined) ?? [];
  return (details as FailureDetails | undefined)?.phase;
}

function ofRun(run: ExportRun | undefined): { server: string; seconds: number | undefined } {
  const begun = run?.state.startedAt;
  return {
    server: serverOf(run),
    seconds: begun === undefined ? undefined : Math.round((Date.now() - begun) / 1000),
  };
}
