import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { FailureCode, FailureDetails } from '../contract.ts';
import { FAILURES } from '../contract.ts';

/** A failure of the closed table that ends the run. */
export function failure(code: FailureCode, message: string): ApplicationFailure {
  // The CLI's text output hides the type, so the message begins with it.
  return ApplicationFailure.create({ type: code, message: `${code}: ${message}`, nonRetryable: true });
}

/**
 * A failure of the closed table as the run's own, so that callers find the code at the first level, whether an activity or
 * the workflow found it. Where it came from is its cause.
 *
 * @param details undefined where nothing is known of the export
 */
export function unwrap(error: unknown, details?: FailureDetails): unknown {
  const own = error instanceof ActivityFailure ? error.cause : error;
  const code = codeOf(own);
  if (!(own instanceof ApplicationFailure) || code === undefined) return error;
  const cause = own === error ? own.cause : (error as ActivityFailure);
  return ApplicationFailure.create({
    type: code,
    message: own.message,
    nonRetryable: true,
    ...(details === undefined ? {} : { details: [details] }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The code of a failure of the table, wherever it came from. */
export function codeOf(error: unknown): FailureCode | undefined {
  const own = error instanceof ActivityFailure ? error.cause : error;
  const type = own instanceof ApplicationFailure ? own.type : undefined;
  return type != null && Object.hasOwn(FAILURES, type) ? (type as FailureCode) : undefined;
}
