import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import type { FailureCode, FailureDetails } from '../contract.ts';
import { FAILURES } from '../contract.ts';
import { UPDATE_REFUSED } from '../steering-contract.ts';

/**
 * How an export ended without a report: a code of the closed table, or what callers and Temporal do. `Failed`: anything
 * else, such as a defect, or a failure of another type.
 */
export type EndCode = FailureCode | 'Cancelled' | 'Terminated' | 'TimedOut' | 'Failed';

/** An export has failed. */
export class ExportFailure extends WorkflowFailedError {
  override readonly name = 'ExportFailure';
  readonly code: EndCode;
  /** How far it was; absent with `InvalidRequest`, and where nothing is known. */
  readonly details: FailureDetails | undefined;

  /** @param error as Temporal's client gives it */
  constructor(error: WorkflowFailedError) {
    const { cause, retryState } = error;
    super(cause?.message ?? error.message, cause, retryState);
    this.code = codeOf(cause);
    const [details] = cause instanceof ApplicationFailure ? (cause.details ?? []) : [];
    this.details = details as FailureDetails | undefined;
  }
}

/** An update was refused: it makes no sense, or not now. The message names what is wrong and its fix. */
export class UpdateRefused extends Error {
  override readonly name = 'UpdateRefused';
}

/** What Temporal's client throws, as this package's errors; others as they are. */
export function opened(error: unknown): unknown {
  if (error instanceof WorkflowFailedError && !(error instanceof ExportFailure)) return new ExportFailure(error);
  if (!(error instanceof WorkflowUpdateFailedError)) return error;
  const { cause, message } = error;
  if (cause instanceof ApplicationFailure && cause.type === UPDATE_REFUSED)
    return new UpdateRefused(cause.message, { cause: error });
  // The export has ended instead.
  return new ExportFailure(new WorkflowFailedError(message, cause, RetryState.NON_RETRYABLE_FAILURE));
}

function codeOf(cause: Error | undefined): EndCode {
  if (cause instanceof ApplicationFailure) return isFailureCode(cause.type) ? cause.type : 'Failed';
  if (cause instanceof CancelledFailure) return 'Cancelled';
  if (cause instanceof TerminatedFailure) return 'Terminated';
  return cause instanceof TimeoutFailure ? 'TimedOut' : 'Failed';
}

/** Payload codecs and interceptors of others fail with types of their own. */
export function isFailureCode(type: string | null | undefined): type is FailureCode {
  return type != null && Object.hasOwn(FAILURES, type);
}
