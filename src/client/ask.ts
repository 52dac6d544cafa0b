import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { QueryNotRegisteredError } from '@temporalio/client';
import { ASK_AGAIN } from '../query-contract.ts';

/** Milliseconds. */
const PACE = 1000;
/** Milliseconds; Temporal waits ten seconds for a worker that was killed, and a workflow task as long again. */
const PATIENCE = 30_000;

/** What the message of a failure is where messages are encrypted; the client's query does not open it. */
const ENCODED = 'Encoded failure';

/**
 * Asks a workflow, and asks again while its worker is being replaced.
 *
 * @throws what Temporal's client throws
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
      if (!isTooEarly(error) || Date.now() >= until) throw error;
      await sleep(PACE);
    }
  }
}

/** Temporal calls every query that fails one that is not registered. */
function isTooEarly(error: unknown): boolean {
  return error instanceof QueryNotRegisteredError && (error.message.startsWith(ASK_AGAIN) || error.message === ENCODED);
}
