import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';

import type { ExportProgress, ExportReport } from '../../src/contract.ts';
import { PROGRESS } from '../../src/contract.ts';
import type { DemoStack } from './stack.ts';

/** Milliseconds between two queries of the progress. */
const pace = 250;
/** Milliseconds to wait for an answer. */
const patience = 1000;

/**
 * Follows an export to its end.
 *
 * @param look called several times a second with the progress, or with undefined when the workflow does not answer: for
 *   some seconds after a worker is killed Temporal still sends the workflow's queries and tasks to it. The next call
 *   waits for the end of this one
 * @param signal stops following; the export continues
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
  // Once more, because the last progress was not the final one.
  await ask();
  return result;
}
