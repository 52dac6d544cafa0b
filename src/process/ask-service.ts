import { Context } from '@temporalio/activity';
import { isPassing } from './passing-error.ts';

/** Attempts of an activity, about half a minute of them, in which a service that may answer later is asked again. */
const ATTEMPTS = 6;

/**
 * What the service of an activity can do. Many a service does not let a worker ask; then, and when it does not answer for
 * long, nothing is known.
 *
 * @param otherwise the answer then
 * @throws what the service has thrown, so that the next attempt of the activity asks again
 */
export async function askService<T>(ask: () => Promise<T>, otherwise: (error: Error) => T): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (isPassing(error) && Context.current().info.attempt < ATTEMPTS) throw error;
    return otherwise(error as Error);
  }
}
