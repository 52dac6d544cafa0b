import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { FailureCode } from '../contract.ts';
import { FAILURES } from '../contract.ts';

/** A failure of the closed table that ends the run. */
export function failure(code: FailureCode, message: string): ApplicationFailure {
  // The CLI's text output hides the type, so the message begins with it.
  return ApplicationFailure.create({ type: code, message: `${code}: ${message}`, nonRetryable: true });
}

/** An activity's failure of the closed table as the run's own, so that callers find the code at the first level. */
export function unwrap(error: unknown): unknown {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  const code = codeOf(cause);
  if (!(cause instanceof ApplicationFailure) || code === undefined) return error;
  return ApplicationFailure.create({ type: code, message: cause.message, nonRetryable: true });
}

/** The code of a failure of the table, wherever it came from. */
export function codeOf(error: unknown): FailureCode | undefined {
  const own = error instanceof ActivityFailure ? error.cause : error;
  const type = own instanceof ApplicationFailure ? own.type : undefined;
  return type != null && Object.hasOwn(FAILURES, type) ? (type as FailureCode) : undefined;
}
