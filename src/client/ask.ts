import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { QueryNotRegisteredError } from '@temporalio/client';
import { isOpen } from '../process/is-running.ts';
import { ASK_AGAIN } from '../query-contract.ts';

/** Milliseconds between two tries. */
const PACE = 500;
/** Milliseconds; Temporal waits ten seconds for a worker that was lost. */
const PATIENCE = 15_000;
/** What the message of a failure is where messages are encrypted; the client's query does not open it. */
const ENCODED = 'Encoded failure';

/**
 * Asks a workflow, and asks again while its worker is being replaced.
 *
 * @throws what Temporal's client throws; see {@link isRefused}
 */
export async function ask<Answer, Args extends unknown[] = []>(
  handle: WorkflowHandle,
  query: string,
  ...args: Args
): Promise<Answer> {
  const until = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await handle.query<Answer, Args>(query, ...args);
    } catch (error) {
      if (!isRefused(error) || Date.now() >= until || !isOpen(await handle.describe())) throw error;
      await sleep(PACE);
    }
  }
}

/**
 * Whether a query came while the worker of the run was being replaced, or to a run that was terminated while something
 * waited for its worker: nobody can ask that one any more. Temporal calls every query that fails one that is not
 * registered.
 */
export function isRefused(error: unknown): boolean {
  return error instanceof QueryNotRegisteredError && (error.message.startsWith(ASK_AGAIN) || error.message === ENCODED);
}
