import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import type { ActivityDeps } from './activities/deps.ts';
import { createActivities, createFileActivities } from './activities/index.ts';
import { ThreadPool } from './download/threads/pool.ts';
import { Servers } from './fhir-server/servers.ts';
import type { Config } from './config.ts';
import { TASK_QUEUE, filesTaskQueue } from './contract.ts';
import type { Limits } from './policy/limits.ts';
import { LIMITS } from './policy/limits.ts';
import { HEARTBEAT_SECONDS, heartbeatInterval } from './policy/heartbeats.ts';
import { HttpClient } from './http/http-client.ts';
import type { HttpTimeouts } from './http/agents.ts';
import { resolveSettings } from './profiles/resolve.ts';
import { gatesOf } from './process/gates.ts';
import { isRunning } from './process/is-running.ts';
import { registeredAttributes } from './process/registered-attributes.ts';
import { requireSameSdk } from './process/same-sdk.ts';

export interface WorkersOptions {
  connection: NativeConnection;
  /** Default: `default`. */
  namespace?: string | undefined;
  config: Config;
  /** Default: `fhir-bulk-export`. */
  taskQueue?: string;
  /** Path of the prebuilt workflow bundle. */
  workflowBundle: string;
  /** Version of these workers in a Worker Deployment, to which the exports that they begin are pinned. Default: none. */
  version?: WorkerDeploymentVersion | undefined;
  /** Default: the project's own; tests shorten them. */
  limits?: Limits;
  timeouts?: HttpTimeouts;
  /** Threads that fetch files, this one included. Default: 1, because further ones need the compiled code. */
  downloadThreads?: number;
}

/** The workers of one process: one for the main task queue, one for the downloads of each configured server. */
export interface Workers {
  /** Runs until {@link shutdown} or a signal; throws when one of them fails. */
  run(): Promise<void>;
  shutdown(): void;
}

/**
 * Makes the workers of a process; nothing is polled before they run.
 *
 * @throws TypeError when the connection is of another copy of Temporal's SDK
 */
export async function createWorkers(options: WorkersOptions): Promise<Workers> {
  const { connection, namespace = 'default', config, taskQueue = TASK_QUEUE } = options;
  requireSameSdk(connection);
  const http = new HttpClient(options.timeouts);
  const threads = new ThreadPool({
    threads: options.downloadThreads ?? 1,
    setup: { destinations: config.destinations, timeouts: options.timeouts },
  });
  const deps: ActivityDeps = {
    config,
    threads,
    servers: new Servers(config, http, options.limits),
    http,
    limits: options.limits ?? LIMITS,
    registeredSearchAttributes: () => registeredAttributes(connection, namespace, config.searchAttributes),
    isRunning: (owner) => isRunning(new Client({ connection, namespace }), owner),
    gates: gatesOf(connection, namespace, taskQueue, options.limits ?? LIMITS),
  };
  const common: Partial<WorkerOptions> = {
    connection,
    namespace,
    shutdownGraceTime: '5s',
    shutdownForceTime: '25s',
    ...(options.version === undefined
      ? {}
      : {
          workerDeploymentOptions: {
            version: options.version,
            useWorkerVersioning: true as const,
            // An export ends with the code with which it began, however long it takes.
            defaultVersioningBehavior: 'PINNED' as const,
          },
        }),
  };
  const workers = [
    await Worker.create({
      ...common,
      // Of steps the heartbeat timeout is always the default. Those of large manifests keep the process busy for seconds.
      ...throttle(HEARTBEAT_SECONDS),
      taskQueue,
      workflowBundle: { codePath: options.workflowBundle },
      activities: createActivities(deps),
    }),
  ];
  for (const [name, server] of Object.entries(config.servers)) {
    const { maxConcurrentDownloads } = resolveSettings(server);
    workers.push(
      await Worker.create({
        ...common,
        ...throttle(config.heartbeatSeconds ?? HEARTBEAT_SECONDS),
        taskQueue: filesTaskQueue(name, taskQueue),
        activities: createFileActivities(deps),
        maxConcurrentActivityTaskExecutions: maxConcurrentDownloads,
        // Every slot may be waited for with one poll; more would only hold connections.
        maxConcurrentActivityTaskPolls: Math.min(5, maxConcurrentDownloads),
      }),
    );
  }
  return {
    run: async () => {
      try {
        await runAll(workers);
      } finally {
        // A token or a kick-off for which nobody waits any more may be answered in a minute.
        await Promise.all([http.close(), threads.close()]);
      }
    },
    shutdown: () => workers.forEach(stop),
  };
}

/** @param seconds the heartbeat timeout */
function throttle(seconds: number): Partial<WorkerOptions> {
  const interval = heartbeatInterval(seconds);
  return { maxHeartbeatThrottleInterval: interval, defaultHeartbeatThrottleInterval: interval };
}

/** When one fails the others are stopped too: a process that serves half of its queues looks healthy and is not. */
async function runAll(workers: readonly Worker[]): Promise<void> {
  await Promise.all(
    workers.map((worker) =>
      worker.run().catch((error: unknown) => {
        workers.forEach(stop);
        throw error;
      }),
    ),
  );
}

function stop(worker: Worker): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}
