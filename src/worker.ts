import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DefaultLogger, NativeConnection, Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import { pino } from 'pino';
import { loadConfig } from './config.ts';
import { tidy } from './fhir/quote.ts';
import { logError } from './process/log-error.ts';
import { taskQueueOf } from './process/task-queue.ts';
import { faultsOfSecrets } from './process/secret-faults.ts';
import { onStopSignal } from './process/stop-signal.ts';
import { isPassing, permanentFault } from './process/temporal-fault.ts';
import { createWorkers } from './create-workers.ts';

/** Milliseconds between tries to reach a Temporal server that is away. */
const RECONNECT = 2000;
/** Milliseconds that it may take to describe the namespace. */
const ANSWER = 10_000;

const logger = pino({ level: process.env['LOG_LEVEL'] ?? 'info', serializers: { error: logError } });

async function main(): Promise<void> {
  const taskQueue = taskQueueOf(process.env);
  const config = await loadConfig();
  for (const fault of await faultsOfSecrets(config)) tell('warn', fault);
  const workflowBundle = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
  if (!existsSync(workflowBundle)) throw new Error(`${workflowBundle} is missing; run "npm run build" first`);
  const { connectionOptions, namespace } = temporalSettings();
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      // Queues of files have no workflows and nobody has Nexus services: nothing that an operator could mend.
      if (/^No (workflows|Nexus services) registered/.test(message)) return;
      logger[level.toLowerCase() as Lowercase<typeof level>]({ ...meta }, message);
    }),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
    },
  });
  const stop = new AbortController();
  onStopSignal(() => stop.abort());
  const connection = await connect(connectionOptions, namespace, stop.signal);
  if (connection === undefined) return;
  try {
    const version = deploymentVersion(taskQueue);
    const workers = await createWorkers({ connection, namespace, config, taskQueue, workflowBundle, version });
    logger.info(
      {
        ...version,
        taskQueue,
        servers: Object.keys(config.servers),
        destinations: Object.keys(config.destinations),
      },
      'worker started',
    );
    await workers.run();
  } finally {
    await connection.close();
  }
  logger.info('worker stopped');
}

/** Address, namespace and credentials of Temporal, as all of its tools find them. */
function temporalSettings(): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig();
  } catch (error) {
    const where = process.env['TEMPORAL_CONFIG_FILE'] ?? 'the default configuration file';
    throw new Error(`Temporal configuration (TEMPORAL_* variables, ${where}): ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Version of this worker, by the variables that Temporal's Worker Controller sets; undefined: without versions. */
function deploymentVersion(taskQueue: string): WorkerDeploymentVersion | undefined {
  const buildId = process.env['TEMPORAL_WORKER_BUILD_ID'];
  if (buildId === undefined || buildId === '') return undefined;
  return { buildId, deploymentName: process.env['TEMPORAL_DEPLOYMENT_NAME'] || taskQueue };
}

/**
 * The SDK gives up at once when the server is away, and soon when there is nothing behind its frontend; a worker waits
 * for it. Undefined when stopped before.
 *
 * @throws Error when waiting would not help: credentials or certificates are refused
 */
async function connect(
  options: Parameters<typeof NativeConnection.connect>[0],
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<NativeConnection | undefined> {
  for (let told = false; !signal.aborted; told = true) {
    let reason: string;
    try {
      const connection = await NativeConnection.connect(options);
      const trouble = await troubleOfNamespace(connection, namespace, signal);
      if (trouble === undefined) return connection;
      await connection.close();
      reason = trouble;
    } catch (error) {
      const fault = permanentFault(error);
      if (fault !== undefined) throw new Error(`Temporal at ${options?.address}: ${fault}`, { cause: error });
      reason = (error as Error).message;
    }
    if (signal.aborted) break;
    const log = told ? logger.debug : logger.warn;
    log.call(logger, { address: options?.address, reason }, 'Temporal is away; waiting for it');
    await delay(RECONNECT, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

/** Why the namespace cannot be used yet. Whatever does not pass is left to the workers, which name it. */
async function troubleOfNamespace(
  connection: NativeConnection,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const describe = () => connection.workflowService.describeNamespace({ namespace: namespace ?? 'default' });
  try {
    await connection.withDeadline(Date.now() + ANSWER, () => connection.withAbortSignal(signal, describe));
    return undefined;
  } catch (error) {
    return signal.aborted || isPassing(error) ? tidy((error as Error).message, 500) : undefined;
  }
}

/** Says it to people in lines, when they are there, and to whatever reads logs otherwise. */
function tell(level: 'warn' | 'fatal', message: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${message}\n`);
  else logger[level](message);
}

main().catch((error: unknown) => {
  tell('fatal', (error as Error).message);
  // The runtime's threads would keep the process, deaf to signals.
  process.exit(1);
});
