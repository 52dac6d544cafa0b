import { NativeConnection } from '@temporalio/worker';
import { destination, pino } from 'pino';
import type { Config } from '../../config.ts';
import { createWorkers } from '../../create-workers.ts';
import { Closings } from '../../process/closings.ts';
import { installRuntime } from '../../process/install-runtime.ts';
import { logError } from '../../process/log-error.ts';
import type { Temporal } from '../temporal.ts';
import { openWorkerLog } from './worker-log.ts';
import { workerSettings } from './worker-settings.ts';

/** Workers of one export in this process. */
export interface LocalWorker {
  /** Their log. */
  log: string;
  /** Rejects when one fails by itself. */
  failed: Promise<never>;
  /** Stops them in order: what is being downloaded can be resumed. */
  stop(): Promise<void>;
}

/**
 * Starts the workers of one export. They log into a file, because the terminal shows the progress.
 *
 * @param workflowId names the log
 */
export async function startLocalWorker(
  { connectionOptions, namespace }: Temporal,
  config: Config,
  taskQueue: string,
  workflowId: string,
): Promise<LocalWorker> {
  const { logLevel, collector, dataConverter } = workerSettings(config);
  const log = await openWorkerLog(workflowId);
  const lines = destination({ dest: log, mode: 0o600, sync: true });
  // A full disk at home must not end an export to another one.
  lines.on('error', () => {});
  const logger = pino({ level: logLevel, serializers: { error: logError } }, lines);
  // Ctrl-C is handled by the command.
  installRuntime(logger, { shutdownSignals: [] });
  const exporter = collector === undefined ? undefined : await import('../../telemetry/traces-exporter.ts');
  const traces = collector === undefined ? undefined : exporter?.startTraces(collector, logger);
  const atEnd = new Closings();
  if (traces !== undefined) atEnd.add(() => traces.close());
  const workers = await atEnd.orClose(async () => {
    const connection = await NativeConnection.connect(connectionOptions);
    atEnd.add(() => connection.close());
    return createWorkers({
      connection,
      namespace,
      config,
      taskQueue,
      dataConverter,
      traces: traces !== undefined,
    });
  });
  const ended = workers.run();
  const failed = new Promise<never>((_, reject) => {
    ended.catch((error: Error) =>
      reject(new Error(`The worker failed: ${error.message} (log: ${log})`, { cause: error })),
    );
  });
  // Whoever waits for it learns of it; nobody may be waiting yet, or any more.
  failed.catch(() => {});
  return {
    log,
    failed,
    stop: async () => {
      workers.shutdown();
      await ended.catch(() => {});
      // How the export goes on is known: it does not change when something cannot be closed.
      await atEnd.close().catch(() => {});
    },
  };
}
