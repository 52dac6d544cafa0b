import type { Client } from '@temporalio/client';
import { ask } from '../client/ask.ts';
import { asUnreadable } from '../codec/unreadable.ts';
import type { ExportProgress } from '../contract.ts';
import { PROGRESS } from '../contract.ts';

/** The progress of an export; or that no worker has said it; or that one has, and why it cannot be read here. */
export type Look =
  { kind: 'progress'; progress: ExportProgress } | { kind: 'silent' } | { kind: 'unreadable'; why: string };

/**
 * Asks an export how it stands.
 *
 * @param patience milliseconds within which a worker must answer
 */
export async function lookAt(client: Client, workflowId: string, patience: number): Promise<Look> {
  const query = client.withDeadline(Date.now() + patience, () =>
    ask<ExportProgress>(client.workflow.getHandle(workflowId), PROGRESS),
  );
  return query.then(
    (progress): Look => ({ kind: 'progress', progress }),
    (error: unknown): Look => {
      const why = asUnreadable(error)?.message;
      return why === undefined ? { kind: 'silent' } : { kind: 'unreadable', why };
    },
  );
}
