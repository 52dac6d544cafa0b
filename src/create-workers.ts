import type { WorkerOptions } from '@temporalio/worker';
import { TASK_QUEUE } from './contract.ts';
import type { ActivitiesOptions } from './hosting/create-activities.ts';
import { createActivities } from './hosting/create-activities.ts';
import { fileWorkerOptions } from './hosting/create-file-workers.ts';
import type { Workers } from './hosting/run-workers.ts';
import { makeWorkers } from './hosting/run-workers.ts';
import { interceptorsAndSinks } from './hosting/traced.ts';
import type { SharedOptions } from './hosting/worker-options.ts';
import { watchExports } from './hosting/watch-exports.ts';
import { commonOptions } from './hosting/worker-options.ts';
import { workflowCode } from './hosting/workflow-code.ts';
import { exportServiceHandler } from './nexus/export-service-handler.ts';
import { HEARTBEAT_SECONDS } from './policy/heartbeats.ts';
import { Closings } from './process/closings.ts';

/** What concerns the worker of the exports' task queue alone. */
type MainOption = 'workflowsPath' | 'workflowBundle' | 'activities' | 'nexusServices' | 'sinks' | 'tuner';

/**
 * The workers of a process. A service can add workflows of its own by `workflowsPath` or `workflowBundle`, whose module
 * re-exports `fhir-bulk-export/workflows` beside them, and activities by `activities`. Default: only exports.
 */
export type WorkersOptions = ActivitiesOptions &
  SharedOptions & { [Key in MainOption]?: WorkerOptions[Key] | undefined };

/**
 * Makes the workers of a process: one for the main task queue, one for the downloads of each configured server. Nothing
 * is polled before they run.
 *
 * @throws TypeError when the connection is of another copy of Temporal's SDK, or an activity has a name of ours
 */
export async function createWorkers(options: WorkersOptions): Promise<Workers> {
  const { taskQueue = TASK_QUEUE, activities, nexusServices = [], tuner } = options;
  // Of steps the heartbeat timeout is always the default. Those of large manifests keep the process busy for seconds.
  const common = commonOptions(options, HEARTBEAT_SECONDS);
  const atEnd = new Closings();
  const ours = createActivities(options);
  // A token or a kick-off for which nobody waits any more may be answered in a minute.
  atEnd.add(() => ours.close());
  return atEnd.orClose(async () => {
    const code = workflowCode(options);
    const main: WorkerOptions = {
      ...common,
      ...code,
      taskQueue,
      activities: together(activities, ours.activities),
      nexusServices: [exportServiceHandler, ...nexusServices],
      ...interceptorsAndSinks(options, code.workflowBundle !== undefined),
      ...(tuner === undefined ? {} : { tuner }),
    };
    return makeWorkers([main, ...fileWorkerOptions(ours, options)], atEnd, () => {
      const watch = watchExports(options, taskQueue);
      atEnd.add(() => watch.end());
    });
  });
}

function together(theirs: object = {}, ours: object): object {
  const taken = Object.keys(theirs).filter((name) => Object.hasOwn(ours, name));
  if (taken.length > 0) throw new TypeError(`activities: ${taken.join(', ')}: exports have activities of these names`);
  return { ...theirs, ...ours };
}
