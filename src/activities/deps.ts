import type { Config } from '../config.ts';
import type { ThreadPool } from '../download/threads/pool.ts';
import type { Owner } from '../export-folder/owner-mark.ts';
import type { Limits } from '../policy/limits.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { WorkerMetrics } from '../telemetry/worker-metrics.ts';
import type { Gates } from '../process/gates.ts';
import type { Servers } from '../fhir-server/servers.ts';

/** What activities are made of; the composition root gives it. */
export interface ActivityDeps {
  config: Config;
  servers: Servers;
  http: HttpClient;
  /** Threads that fetch files. Default: this one. */
  threads?: ThreadPool | undefined;
  limits: Limits;
  /** Names of the search attributes that exports can set. */
  registeredSearchAttributes(): Promise<ReadonlySet<string>>;
  /** Whether the service changes the memo of a workflow that runs. */
  canChangeMemo(): Promise<boolean>;
  /** Whether an export is still running: the chain of runs that began with this one. */
  isRunning(owner: Owner): Promise<boolean>;
  /** What this process counts. */
  metrics: WorkerMetrics;
  /** Gates of servers whose exports share slots or downloads. */
  gates: Gates;
}
