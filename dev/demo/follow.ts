import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';

import type { ExportProgress, ExportReport } from '../../src/contract.ts';
import { PROGRESS } from '../../src/contract.ts';
import type { DemoStack } from './stack.ts';

/** Milliseconds between two looks at the progress. */
const pace = 250;
/** Milliseconds for an answer: without a worker there is none. */
const patience = 1000;

/**
 * Follows an export to its end.
 *
 * @param look called with the progress every now and then; the next look waits for it
 * @param signal ends the watch, not the export
 * @throws WorkflowFailedError when the export fails
 */
export async function follow(
  { client }: DemoStack,
  handle: WorkflowHandle,
  look: (progress: ExportProgress) => Promise<void>,
  signal: AbortSignal,
): Promise<ExportReport> {
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  const result = handle.result() as Promise<ExportReport>;
  result.then(end, end);
  const ask = async (): Promise<void> => {
    const progress = await client.connection
      .withDeadline(Date.now() + patience, () => handle.query<ExportProgress>(PROGRESS))
      .catch(() => undefined);
    if (progress !== undefined) await look(progress);
  };
  while (!ended) {
    signal.throwIfAborted();
    await ask();
    await Promise.race([sleep(pace, undefined, { signal }), result.catch(() => {})]);
  }
  // The last look was at most at something short of the end.
  await ask();
  return result;
}
