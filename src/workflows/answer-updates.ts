import { allHandlersFinished, condition } from '@temporalio/workflow';

/** Waits until every update has its answer: the run is about to end. */
export async function answerUpdates(): Promise<void> {
  if (!allHandlersFinished()) await condition(allHandlersFinished);
}
