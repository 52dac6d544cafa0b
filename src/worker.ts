import type { WorkerDeploymentVersion } from '@temporalio/common';
import { pino } from 'pino';
import { payloadEncryption } from './codec/payload-encryption.ts';
import { loadConfig } from './config.ts';
import { Closings } from './process/closings.ts';
import { connectPatiently } from './process/connect-patiently.ts';
import { installRuntime } from './process/install-runtime.ts';
import { logError } from './process/log-error.ts';
import { logLevelOf } from './process/log-level.ts';
import { taskQueueOf } from './process/task-queue.ts';
import { temporalSettings } from './process/temporal-settings.ts';
import { faultsOfSecrets } from './process/secret-faults.ts';
import { onStopSignal } from './process/stop-signal.ts';
import { lookAt } from './storage/destinations.ts';
import type { TracesConfig } from './telemetry/addresses.ts';
import { AddressSchema, CollectorSchema, MetricsSchema, fromEnvironment, shownTarget } from './telemetry/addresses.ts';
import { Health } from './telemetry/health.ts';
import { serveHealth } from './telemetry/health-server.ts';
import type { Traces } from './telemetry/traces-exporter.ts';
import { createWorkers } from './create-workers.ts';

const logger = pino({ serializers: { error: logError } });

async function main(): Promise<void> {
  const atEnd = new Closings();
  await atEnd.after(() => runWorker(atEnd));
  logger.info('worker stopped');
}

async function runWorker(atEnd: Closings): Promise<void> {
  logger.level = logLevelOf(process.env);
  const taskQueue = taskQueueOf(process.env);
  const config = await loadConfig();
  const dataConverter = payloadEncryption();
  for (const fault of await faultsOfSecrets(config)) report('warn', fault);
  // Not waited for: it may be on a file system that hangs.
  if (config.audit !== undefined)
    lookAt(config.audit.destination, 'records').catch(({ message }: Error) =>
      report('warn', `audit.destination: ${message}`),
    );
  const { connectionOptions, namespace } = temporalSettings();
  const metrics = fromEnvironment(MetricsSchema, 'BULK_EXPORT_METRICS', config.metrics, process.env);
  const collector = fromEnvironment(CollectorSchema, 'BULK_EXPORT_TRACES', config.traces, process.env);
  const probes = fromEnvironment(AddressSchema, 'BULK_EXPORT_HEALTH', config.health, process.env);
  installRuntime(logger, { metrics });
  const traces = collector === undefined ? undefined : await exportTraces(collector);
  if (traces !== undefined) atEnd.add(() => traces.close());
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  const health = new Health(config);
  const served = probes === undefined ? undefined : await serveHealth(probes, health);
  if (served !== undefined) atEnd.add(() => served.close());
  const connection = await connectPatiently(connectionOptions, {
    namespace,
    signal: stop.signal,
    onTrouble: (reason, isFirst) => {
      health.isWaiting(reason);
      const log = isFirst ? logger.warn : logger.debug;
      log.call(logger, { address: connectionOptions.address, reason }, 'Temporal is unreachable; retrying');
    },
  });
  if (connection === undefined) return;
  atEnd.add(() => connection.close());
  const version = deploymentVersion(taskQueue);
  const workers = await createWorkers({
    connection,
    namespace,
    config,
    taskQueue,
    version,
    dataConverter,
    traces: traces !== undefined,
  });
  health.hasWorkers(connection, workers);
  logger.info(
    {
      ...version,
      taskQueue,
      servers: Object.keys(config.servers),
      destinations: Object.keys(config.destinations),
      metrics: shownTarget(metrics),
      traces: shownTarget(typeof collector === 'object' ? collector.url : collector),
      health: probes,
    },
    'worker started',
  );
  await workers.run();
}

/** The exporter is loaded where it is needed: it takes time and memory. */
async function exportTraces(collector: TracesConfig): Promise<Traces> {
  const { startTraces } = await import('./telemetry/traces-exporter.ts');
  return startTraces(collector, logger);
}

/** Version of this worker, by the variables that Temporal's Worker Controller sets; undefined: without versions. */
function deploymentVersion(taskQueue: string): WorkerDeploymentVersion | undefined {
  const buildId = process.env['TEMPORAL_WORKER_BUILD_ID'];
  if (buildId === undefined || buildId === '') return undefined;
  return { buildId, deploymentName: process.env['TEMPORAL_DEPLOYMENT_NAME'] || taskQueue };
}

/** In lines for people at a terminal; else in the log. */
function report(level: 'warn' | 'fatal', message: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${message}\n`);
  else logger[level](message);
}

main().catch((error: unknown) => {
  report('fatal', (error as Error).message);
  // The runtime's threads would keep the process running, and it would ignore signals.
  process.exit(1);
});
