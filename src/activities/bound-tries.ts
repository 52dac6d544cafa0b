import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ExportError } from '../errors.ts';
import { isOutage, kindOf } from '../storage/storage-error.ts';
import type { Attempt } from './run-activity.ts';

/** Attempts after which an error that nobody foresaw is final. */
const MOST_TRIES = 3;

/**
 * Works on files that are stored. What is thrown and is neither in the table nor an outage of the destination would be
 * thrown again: it ends the run instead of being tried until the export's deadline.
 *
 * @param place what is worked on
 * @throws ExportError `DestinationFailed`, without the words of the error, which may quote content
 */
export async function boundTries<T>(attempt: Attempt, place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isForeseen =
      error instanceof ExportError ||
      error instanceof CancelledFailure ||
      error instanceof ApplicationFailure ||
      attempt.signal.aborted ||
      isOutage(error);
    if (isForeseen || attempt.number < MOST_TRIES) throw error;
    throw new ExportError('DestinationFailed', `${place} cannot be worked on: ${kindOf(error)}`);
  }
}
