import type { Info } from '@temporalio/activity';
import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { FailureCode } from '../errors.ts';
import { ExportError, UnreadableHereError } from '../errors.ts';
import { tidy } from '../fhir/quote.ts';
import { LIMITS } from '../policy/limits.ts';
import { safeCause } from './safe-cause.ts';

/** Milliseconds between heartbeats; the worker's throttle is as long. */
const HEARTBEAT = 1000;

/** What an activity may use of its context; captured at its start, because listeners run outside of it. */
export interface Attempt {
  /** Aborted on cancellation, on the worker's shutdown and when the attempt has timed out. */
  signal: AbortSignal;
  /** Shown with the pending activity in the Web UI; no secrets. */
  report(details: Record<string, string | number>): void;
  /** From 1; Temporal tries again after a worker died. */
  number: number;
}

/**
 * Runs the body of an activity: heartbeats from beginning to end, because a completed activity whose report is lost is
 * only found by its heartbeat timeout, and failures as their code.
 */
export async function runActivity<T>(body: (attempt: Attempt) => Promise<T>): Promise<T> {
  const context = Context.current();
  const { attempt } = context.info;
  let details: Record<string, string | number> = {};
  const timer = setInterval(() => context.heartbeat(details), HEARTBEAT);
  context.heartbeat(details);
  try {
    return await body({
      signal: context.cancellationSignal,
      report: (latest) => {
        details = latest;
      },
      number: attempt,
    });
  } catch (error) {
    throw toFailure(error, { mayBeDoneElsewhere: mayBeDoneElsewhere(error, context.info) });
  } finally {
    clearInterval(timer);
  }
}

/** What comes before an export is under way: there nothing has been read by any worker, and the caller waits. */
const AT_ONCE: ReadonlySet<string> = new Set(['openExport', 'openOperation', 'checkServer']);

/** While a new configuration is rolled out, one worker knows what another does not know yet, or not any more. */
const NOT_KNOWN_HERE: ReadonlySet<FailureCode> = new Set(['UnknownServer', 'UnknownDestination']);

/** Whether other workers are given time for what this one has not the files for: as long as for a token. */
function mayBeDoneElsewhere(error: unknown, { activityType, scheduledTimestampMs }: Info): boolean {
  const isOfThisWorker =
    error instanceof UnreadableHereError || (error instanceof ExportError && NOT_KNOWN_HERE.has(error.code));
  const isHere = isOfThisWorker && !AT_ONCE.has(activityType);
  return isHere && Date.now() < scheduledTimestampMs + LIMITS.tokenEndpoint;
}

/**
 * What was thrown as Temporal records it: with its code, and without words that may quote content.
 *
 * @param terms.mayBeDoneElsewhere Temporal gives it to another worker, or to this one later
 */
export function toFailure(error: unknown, { mayBeDoneElsewhere = false } = {}): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof ExportError) {
    // The CLI's text output hides the type, so the message begins with it.
    return ApplicationFailure.create({
      type: error.code,
      message: `${error.code}: ${error.message}`,
      nonRetryable: !mayBeDoneElsewhere,
      ...causeOf(error),
    });
  }
  // Not in the table: a storage fault that may pass, or a defect of ours that a new version of the worker fixes.
  const { name, message, code } = error as NodeJS.ErrnoException;
  const detail =
    error instanceof SyntaxError
      ? // A parser quotes what it cannot parse, which may be content.
        'what was read is not of the form expected'
      : tidy(message ?? String(error), 500);
  return ApplicationFailure.create({ type: code ?? name ?? 'Error', message: detail, ...causeOf(error) });
}

function causeOf(error: unknown): { cause?: ApplicationFailure } {
  const cause = safeCause(error instanceof Error ? error.cause : undefined);
  return cause === undefined ? {} : { cause };
}
