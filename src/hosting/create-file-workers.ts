import type { WorkerOptions } from '@temporalio/worker';
import { TASK_QUEUE, filesTaskQueue } from '../contract.ts';
import { HEARTBEAT_SECONDS } from '../policy/heartbeats.ts';
import { resolveSettings } from '../profiles/resolve.ts';
import type { ExportActivities } from './create-activities.ts';
import type { Workers } from './run-workers.ts';
import { makeWorkers } from './run-workers.ts';
import { interceptorsAndSinks } from './traced.ts';
import type { SharedOptions } from './worker-options.ts';
import { commonOptions } from './worker-options.ts';

/**
 * Makes the workers that download, one for each configured server: its task queue is `<task queue>.files.<server>`, and
 * its `maxConcurrentDownloads` are the slots of the worker. For a process whose own worker serves the exports with the
 * same `activities`; without downloaders exports wait for ever.
 */
export async function createFileWorkers(activities: ExportActivities, options: SharedOptions): Promise<Workers> {
  return makeWorkers(fileWorkerOptions(activities, options));
}

/** What the workers that download are made from. */
export function fileWorkerOptions(
  { config, fileActivities }: ExportActivities,
  options: SharedOptions,
): WorkerOptions[] {
  const { taskQueue = TASK_QUEUE, interceptors, traces } = options;
  const { client, activity } = interceptorsAndSinks({ interceptors, traces }, true).interceptors ?? {};
  return Object.entries(config.servers).map(([name, server]) => {
    const { maxConcurrentDownloads } = resolveSettings(server);
    return {
      ...commonOptions(options, config.heartbeatSeconds ?? HEARTBEAT_SECONDS),
      interceptors: { ...(client === undefined ? {} : { client }), ...(activity === undefined ? {} : { activity }) },
      taskQueue: filesTaskQueue(name, taskQueue),
      activities: fileActivities,
      maxConcurrentActivityTaskExecutions: maxConcurrentDownloads,
      // Every slot may be waited for with one poll; more would only hold connections.
      maxConcurrentActivityTaskPolls: Math.min(5, maxConcurrentDownloads),
    };
  });
}
