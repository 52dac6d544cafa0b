import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';

import type { ExportProgress, ExportReport } from '../../src/contract.ts';
import { PROGRESS } from '../../src/contract.ts';
import type { DemoStack } from './stack.ts';

/** Milliseconds between two looks at the progress. */
const pace = 250;
/** Milliseconds for an answer. */
const patience = 1000;

/**
 * Follows an export to its end.
 *
 * @param look called every now and then, with the progress or with nothing when there is no answer: for some seconds
 *   after a worker's death Temporal still sends the workflow's queries and tasks to it. The next look waits for it
 * @param signal ends the watch, not the export
 * @throws WorkflowFailedError when the export fails
 */
export async function follow(
  { client }: DemoStack,
  handle: WorkflowHandle,
  look: (progress: ExportProgress | undefined) => Promise<void>,
  signal: AbortSignal,
): Promise<ExportReport> {
  const over = new AbortController();
  const end = (): void => over.abort();
  const result = handle.result() as Promise<ExportReport>;
  result.then(end, end);
  const ask = async (): Promise<void> => {
    const answer = client.connection.withDeadline(Date.now() + patience, () => handle.query<ExportProgress>(PROGRESS));
    await look(await answer.catch(() => undefined));
  };
  while (!over.signal.aborted) {
    signal.throwIfAborted();
    await ask();
    await Promise.race([sleep(pace, undefined, { signal }), result.catch(() => {})]);
  }
  // The last look was at something short of the end.
  await ask();
  return result;
}
