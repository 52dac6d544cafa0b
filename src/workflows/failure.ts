import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { FailureCode, FailureDetails } from '../contract.ts';
import { FAILURES } from '../contract.ts';

/** A failure of the closed table that ends the run. */
export function failure(code: FailureCode, message: string): ApplicationFailure {
  // The CLI's text output hides the type, so the message begins with it.
  return ApplicationFailure.create({ type: code, message: `${code}: ${message}`, nonRetryable: true });
}

/** Type of a failure that is none of the table: somebody else than a worker has ended a step. */
const FAILED = 'Failed';
/** In place of a code, where a failure has none of the table: in the search attribute, log, audit trail, metric and traces. */
export const WITHOUT_CODE = 'failed';
const GO_ON = 'The same request with the same path goes on.';

/**
 * Whoever completes a step by hand (`temporal activity complete`) can give anything for its answer. A workflow task that
 * trips over it would fail for ever, and so would every attempt to cancel the export.
 *
 * @param what whose answer it is
 */
export function noAnswer(what: string): ApplicationFailure {
  const message = `${FAILED}: the answer of ${what} is no worker's: it was completed by hand. ${GO_ON}`;
  return ApplicationFailure.create({ type: FAILED, message, nonRetryable: true });
}

/** A step has been failed by hand, or given a time that ran out: all of its attempts have no other end than the table's. */
function endedByHand(error: ActivityFailure, details: FailureDetails): ApplicationFailure {
  const why = error.cause?.message ?? error.message;
  return ApplicationFailure.create({
    type: FAILED,
    message: `${FAILED}: the step ${error.activityType} was ended from outside (${why}). ${GO_ON}`,
    nonRetryable: true,
    details: [details],
    cause: error,
  });
}

/**
 * A failure of the closed table as the run's own, so that callers find the code at the first level, whether an activity or
 * the workflow found it. Where it came from is its cause.
 *
 * @param details undefined where nothing is known of the export
 */
export function unwrap(error: unknown, details?: FailureDetails): unknown {
  const own = error instanceof ActivityFailure ? error.cause : error;
  const code = codeOf(own) ?? (own === error && isFailed(own) ? FAILED : undefined);
  if (!(own instanceof ApplicationFailure) || code === undefined) {
    return error instanceof ActivityFailure && details !== undefined ? endedByHand(error, details) : error;
  }
  const cause = own === error ? own.cause : (error as ActivityFailure);
  return ApplicationFailure.create({
    type: code,
    message: own.message,
    nonRetryable: true,
    ...(details === undefined ? {} : { details: [details] }),
    ...(cause === undefined ? {} : { cause }),
  });
}

function isFailed(error: unknown): boolean {
  return error instanceof ApplicationFailure && error.type === FAILED;
}

/** The code of a failure of the table, wherever it came from. */
export function codeOf(error: unknown): FailureCode | undefined {
  const own = error instanceof ActivityFailure ? error.cause : error;
  const type = own instanceof ApplicationFailure ? own.type : undefined;
  return type != null && Object.hasOwn(FAILURES, type) ? (type as FailureCode) : undefined;
}
