import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities, FileActivities } from '../activities/index.ts';
import type { OpenedExport } from '../activities/open-export.ts';
import { filesTaskQueue } from '../contract.ts';
import { HEARTBEAT_SECONDS } from '../policy/heartbeats.ts';

/**
 * Options that every activity has. Heartbeats find attempts whose worker died or whose report was lost; attempts are not
 * counted, because a frozen worker can swallow several; a cancelled activity is waited for, so that clean-up comes
 * after it.
 */
const COMMON = {
  heartbeatTimeout: HEARTBEAT_SECONDS * 1000,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute' },
} as const;

/** Patch: the clean-up after a cancel, the deadline or a failed export has an end of its own. */
export const BOUNDED_CLEAN_UP = 'bounded-clean-up';

/**
 * Control activities, labelled for the Web UI.
 *
 * @param summary key words first: about 30 characters are seen
 */
export function step(summary: string): Activities {
  return proxyActivities<Activities>({ ...COMMON, startToCloseTimeout: '30 minutes', summary });
}

/**
 * Control activities that are given up.
 *
 * @param time milliseconds for all attempts
 */
export function boundedStep(summary: string, time: number): Activities {
  return proxyActivities<Activities>({ ...COMMON, scheduleToCloseTimeout: time, summary });
}

/** Settling reads error files and looks at every file, however many. */
export function longStep(summary: string): Activities {
  return proxyActivities<Activities>({ ...COMMON, startToCloseTimeout: '6 hours', summary });
}

/**
 * Downloads, on the server's own queue. Where the Temporal server has fairness, exports that wait there take turns. If the
 * caller set a fairness key, that one is used.
 */
export function fileStep({ ref, heartbeatSeconds }: OpenedExport, summary: string): FileActivities {
  const { priority, firstExecutionRunId, taskQueue } = workflowInfo();
  return proxyActivities<FileActivities>({
    ...COMMON,
    heartbeatTimeout: (heartbeatSeconds ?? HEARTBEAT_SECONDS) * 1000,
    taskQueue: filesTaskQueue(ref.server, taskQueue),
    startToCloseTimeout: '24 hours',
    summary,
    ...(priority?.fairnessKey === undefined || priority.fairnessKey === ''
      ? { priority: { fairnessKey: firstExecutionRunId } }
      : {}),
  });
}
