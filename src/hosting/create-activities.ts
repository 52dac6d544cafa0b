import { availableParallelism } from 'node:os';
import { Context } from '@temporalio/activity';
import { noopMetricMeter } from '@temporalio/common';
import { Runtime } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.ts';
import type { Activities, FileActivities } from '../activities/index.ts';
import { createFileActivities, activityImplementations } from '../activities/index.ts';
import type { Config } from '../config.ts';
import { ThreadPool } from '../download/threads/pool.ts';
import { Servers } from '../fhir-server/servers.ts';
import type { HttpTimeouts } from '../http/agents.ts';
import type { AnswerOf } from '../http/messages.ts';
import { HttpClient } from '../http/http-client.ts';
import type { Limits } from '../policy/limits.ts';
import { LIMITS } from '../policy/limits.ts';
import { gatesOf } from '../process/gates.ts';
import { isRunning } from '../process/is-running.ts';
import { packageVersion } from '../process/package-version.ts';
import { canChangeMemo } from '../process/can-change-memo.ts';
import { registeredAttributes } from '../process/registered-attributes.ts';
import { requestSpans } from '../telemetry/request-spans.ts';
import { watchSpace } from '../telemetry/space-watch.ts';
import { WorkerMetrics } from '../telemetry/worker-metrics.ts';

export interface ActivitiesOptions {
  /** As `loadConfig` or `parseConfig` give it. */
  config: Config;
  /** @internal The project's own; tests shorten them. */
  limits?: Limits;
  /** @internal */
  timeouts?: HttpTimeouts;
}

/** The activities of exports, and what they share: connections to FHIR servers, tokens, threads that download. */
export interface ExportActivities {
  readonly config: Config;
  /** For the worker that serves the task queue of the exports. */
  readonly activities: Activities;
  /** For the workers that `createFileWorkers` makes. */
  readonly fileActivities: FileActivities;
  /** To be called when the workers have stopped: closes connections and ends threads. */
  close(): Promise<void>;
}

/**
 * Makes the activities of exports, for workers of a service's own. Call it once in a process: workers that share them
 * also share tokens and connections. Activities reach Temporal by the client of the worker in which they run, with its
 * data converter and its interceptors.
 */
export function createActivities({ config, limits = LIMITS, timeouts }: ActivitiesOptions): ExportActivities {
  const { metricMeter } = Runtime.instance();
  const metrics = new WorkerMetrics(metricMeter, Object.keys(config.servers));
  metrics.started(packageVersion());
  // Nothing is looked at for metrics that nobody exports: at a bucket each look costs.
  const spaceWatch = metricMeter === noopMetricMeter ? undefined : watchSpace(config, metrics);
  const onAnswer = (answer: AnswerOf): void => metrics.answered(answer);
  const http = new HttpClient(timeouts, onAnswer, requestSpans);
  const threads = new ThreadPool({
    threads: threadsOf(config),
    setup: { destinations: config.destinations, timeouts },
    onAnswer,
  });
  const deps: ActivityDeps = {
    config,
    threads,
    servers: new Servers(config, http, limits),
    http,
    limits,
    registeredSearchAttributes: () => registeredAttributes(config.searchAttributes),
    canChangeMemo,
    isRunning: (owner) => isRunning(Context.current().client, owner),
    gates: gatesOf(limits),
    metrics,
  };
  return {
    config,
    activities: activityImplementations(deps),
    fileActivities: createFileActivities(deps),
    close: async () => {
      spaceWatch?.end();
      await Promise.all([http.close(), threads.close()]);
    },
  };
}

/** Further threads need the compiled code; tests run from the source. */
function threadsOf({ downloadThreads = availableParallelism() }: Config): number {
  return import.meta.url.endsWith('.js') ? downloadThreads : 1;
}
