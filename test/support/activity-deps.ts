import { noopMetricMeter } from '@temporalio/common';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import type { Config } from '../../src/config.ts';
import { Servers } from '../../src/fhir-server/servers.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { WorkerMetrics } from '../../src/telemetry/worker-metrics.ts';
import { NO_GATES } from './no-gates.ts';

/** What activities have of a worker with this configuration, where no Temporal is. */
export function depsOf(config: Config, http: HttpClient): ActivityDeps {
  return {
    config,
    servers: new Servers(config, http),
    http,
    limits: LIMITS,
    registeredSearchAttributes: () => Promise.resolve(new Set()),
    canChangeMemo: () => Promise.resolve(true),
    isRunning: () => Promise.resolve(true),
    gates: NO_GATES,
    metrics: new WorkerMetrics(noopMetricMeter),
  };
}
