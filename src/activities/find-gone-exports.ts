import type { ExportName } from '../policy/gate/messages.ts';
import type { ActivityDeps } from './deps.ts';
import type { Attempt } from './run-activity.ts';

export interface FindGoneExportsInput {
  exports: ExportName[];
}

/** Finds exports that do not run any more: places in the list. */
export async function findGoneExports(
  deps: ActivityDeps,
  { exports }: FindGoneExportsInput,
  attempt: Attempt,
): Promise<{ gone: number[] }> {
  const gone: number[] = [];
  for (const [place, { workflowId, firstRunId }] of exports.entries()) {
    attempt.signal.throwIfAborted();
    if (!(await deps.isRunning({ workflowId, firstRunId, runId: firstRunId }))) gone.push(place);
  }
  return { gone };
}
