import { setTimeout as delay } from 'node:timers/promises';
import type { Temporal } from '../temporal.ts';
import { knownSchedule } from './known.ts';

/** Milliseconds within which Temporal starts what is triggered, unless it has much to do. */
const PATIENCE = 15_000;
const PACE = 200;

/**
 * Starts an export of a schedule now. It goes on where the last one has ended.
 *
 * @returns its workflow id; undefined when it has not begun yet
 * @throws Error when one runs, also if it began in the meantime: there is one at a time
 */
export async function triggerSchedule(temporal: Temporal, scheduleId: string): Promise<string | undefined> {
  const { info } = await knownSchedule(temporal, scheduleId);
  const running = info.runningActions[0]?.workflow.workflowId;
  if (running !== undefined) throw new Error(`${scheduleId}: ${running} is running, and nothing was started.`);
  const handle = temporal.client.schedule.getHandle(scheduleId);
  // Without a policy Temporal starts it without the last report, and so without the mark.
  await handle.trigger('SKIP');
  const earlier = new Set(info.recentActions.map(({ action }) => action.workflow.firstExecutionRunId));
  for (const began = performance.now(); performance.now() - began < PATIENCE; await delay(PACE)) {
    const { recentActions, numActionsSkippedOverlap } = (await handle.describe()).info;
    const { workflow } = recentActions.at(-1)?.action ?? {};
    if (workflow !== undefined && !earlier.has(workflow.firstExecutionRunId)) return workflow.workflowId;
    if (numActionsSkippedOverlap > info.numActionsSkippedOverlap) {
      throw new Error(`${scheduleId}: an export of it is running, and nothing was started.`);
    }
  }
  return undefined;
}
