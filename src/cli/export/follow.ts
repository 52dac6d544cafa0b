import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import type { EndCode } from '../../client/export-failure.ts';
import { ExportFailure } from '../../client/export-failure.ts';
import { asUnreadable } from '../../codec/unreadable.ts';
import type { ExportReport } from '../../contract.ts';
import { isPassing } from '../../process/passing-error.ts';
import { tolerant } from '../../process/tolerant-client.ts';
import type { Look } from '../look.ts';
import { lookAt } from '../look.ts';

/** Milliseconds between two queries of the progress. */
const PACE = 500;
/** Milliseconds to wait for an answer: for some seconds after a worker was killed, Temporal still sends queries to it. */
const PATIENCE = 2000;
/** Milliseconds after which a service that did not answer is asked again for the result. */
const AGAIN = 1000;

/** How an export ended. */
export type Outcome =
  | { kind: 'complete'; report: ExportReport }
  | { kind: 'failed'; code: EndCode; message: string }
  | { kind: 'cancelled' };

/** As of one question; or Temporal itself is unreachable. */
export type FollowLook = Look | { kind: 'unreachable' };

/**
 * Follows an export to its end.
 *
 * @param look called with each answer, or with the lack of one
 * @param signal stops following, by which this throws; the export goes on
 */
export async function follow(
  client: Client,
  workflowId: string,
  look: (answer: FollowLook) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const over = new AbortController();
  const ended = outcomeOf(client, workflowId, signal).finally(() => over.abort());
  ended.catch(() => {});
  const lookOnce = async (): Promise<void> => {
    const answer = await lookAt(client, workflowId, PATIENCE);
    const found = answer.kind === 'silent' ? await silence(client, workflowId) : answer;
    if (!signal.aborted) look(found);
  };
  while (!over.signal.aborted && !signal.aborted) {
    await lookOnce();
    await delay(PACE, undefined, { signal: AbortSignal.any([over.signal, signal]) }).catch(() => {});
  }
  signal.throwIfAborted();
  return ended;
}

/** A query ends by its deadline without a worker, and without Temporal as well. */
async function silence(client: Client, workflowId: string): Promise<FollowLook> {
  const describe = () => tolerant(client).workflow.getHandle(workflowId).describe();
  return client.withDeadline(Date.now() + PATIENCE, describe).then(
    () => ({ kind: 'silent' }),
    () => ({ kind: 'unreachable' }),
  );
}

/**
 * Waits for the end of an export, also while the service is unreachable.
 *
 * @throws UnreadablePayload when its keys are not here
 */
export async function outcomeOf(client: Client, workflowId: string, signal: AbortSignal): Promise<Outcome> {
  for (;;) {
    try {
      const handle = client.workflow.getHandle(workflowId);
      const report = (await client.withAbortSignal(signal, () => handle.result())) as ExportReport;
      return { kind: 'complete', report };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WorkflowFailedError) return failureOf(error);
      if (!isPassing((error as Error).cause ?? error)) throw asUnreadable(error) ?? error;
      await delay(AGAIN);
    }
  }
}

function failureOf(error: WorkflowFailedError): Outcome {
  const { code, message } = new ExportFailure(error);
  if (code === 'Cancelled' || code === 'Terminated') return { kind: 'cancelled' };
  return { kind: 'failed', code, message };
}
