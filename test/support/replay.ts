import type { HistoryAndWorkflowId } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { BUNDLE } from './stack.ts';

/**
 * Replays histories with the workflows of this build, one after another in one worker: one for each would take five times
 * the CPU.
 *
 * @returns for each, in their order, why it does not fit; undefined where it does
 */
export async function replayAll(histories: readonly HistoryAndWorkflowId[]): Promise<(Error | undefined)[]> {
  const errors: (Error | undefined)[] = [];
  for await (const { error } of Worker.runReplayHistories({ workflowBundle: { codePath: BUNDLE } }, histories)) {
    errors.push(error);
  }
  return errors;
}
