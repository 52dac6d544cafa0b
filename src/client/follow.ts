import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { QueryRejectedError } from '@temporalio/client';
import type { ExportProgress } from '../contract.ts';
import { PROGRESS } from '../contract.ts';
import { isOpen } from '../process/is-running.ts';
import { ask, isRefused } from './ask.ts';

export interface FollowOptions {
  /** Milliseconds between two looks. Default 1000. */
  interval?: number | undefined;
  /** Ends it, without an error. */
  signal?: AbortSignal | undefined;
}

/**
 * The progress of an export whenever it has changed, until the export has ended: the last one is that of its end, unless it
 * was terminated while no worker ran. `result()` says how it ended. While the workflow is paused in Temporal, which then
 * answers no query, nothing comes.
 *
 * @throws what Temporal's client throws; when no worker answers, it throws after Temporal's
 *   time for a query
 */
export async function* follow(
  handle: WorkflowHandle,
  { interval = 1000, signal }: FollowOptions = {},
): AsyncGenerator<ExportProgress> {
  let last = '';
  for (;;) {
    // Before the question, so that the last answer is that of the end.
    const described = await handle.describe();
    const isOver = !isOpen(described) && described.status.name !== 'CONTINUED_AS_NEW';
    const progress = await ask<ExportProgress>(handle, PROGRESS).catch((error: unknown) => {
      if (isOver ? isRefused(error) : error instanceof QueryRejectedError) return undefined;
      throw error;
    });
    const text = JSON.stringify(progress);
    if (progress !== undefined && text !== last) {
      yield progress;
      last = text;
    }
    if (isOver) return;
    await sleep(interval, undefined, { signal }).catch(() => {});
    if (signal?.aborted === true) return;
  }
}
