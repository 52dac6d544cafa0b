import type { DataConverter, WorkerDeploymentVersion } from '@temporalio/common';
import type { NativeConnection, WorkerInterceptors, WorkerOptions, WorkerPlugin } from '@temporalio/worker';
import { heartbeatInterval } from '../policy/heartbeats.ts';
import { requireSameSdk } from '../process/same-sdk.ts';

/** What all workers of a process share. */
export interface SharedOptions {
  /** Of the copy of Temporal's SDK that this package uses; another one is refused. */
  connection: NativeConnection;
  /** Default: `default`. */
  namespace?: string | undefined;
  /** Of the exports, from which those of the downloads derive. Default: `fhir-bulk-export`. */
  taskQueue?: string | undefined;
  /** How Temporal shows these workers. Default: process id and host. */
  identity?: string | undefined;
  /** Version of these workers in a Worker Deployment, to which the exports that they begin are pinned. Default: none. */
  version?: WorkerDeploymentVersion | undefined;
  /** Also of what activities send to Temporal. Callers need the same. Default: plain JSON. */
  dataConverter?: DataConverter | undefined;
  /** Those of `client` see what activities send to Temporal. */
  interceptors?: WorkerInterceptors | undefined;
  plugins?: WorkerPlugin[] | undefined;
  /**
   * Spans of OpenTelemetry are made of exports, by the tracer provider that the process has registered. A `workflowBundle`
   * then needs the interceptors of `traceOptions` in it. Default: false.
   */
  traces?: boolean | undefined;
}

/**
 * Options of the SDK that are the same for all workers.
 *
 * @param heartbeatSeconds the heartbeat timeout of their activities
 * @throws TypeError when the connection is of another copy of Temporal's SDK
 */
export function commonOptions(options: SharedOptions, heartbeatSeconds: number): Partial<WorkerOptions> {
  const { connection, namespace = 'default', identity, version, dataConverter, plugins } = options;
  requireSameSdk(connection);
  const interval = heartbeatInterval(heartbeatSeconds);
  return {
    connection,
    namespace,
    shutdownGraceTime: '5s',
    shutdownForceTime: '25s',
    maxHeartbeatThrottleInterval: interval,
    defaultHeartbeatThrottleInterval: interval,
    ...(identity === undefined ? {} : { identity }),
    ...(dataConverter === undefined ? {} : { dataConverter }),
    ...(plugins === undefined ? {} : { plugins }),
    ...(version === undefined
      ? {}
      : {
          workerDeploymentOptions: {
            version,
            useWorkerVersioning: true as const,
            // An export ends with the code with which it began, however long it takes.
            defaultVersioningBehavior: 'PINNED' as const,
          },
        }),
  };
}
