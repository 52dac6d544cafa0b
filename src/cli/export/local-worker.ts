import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NativeConnection } from '@temporalio/worker';
import { destination, pino } from 'pino';
import type { Config } from '../../config.ts';
import { createWorkers } from '../../create-workers.ts';
import { dataFolder } from '../../process/data-folder.ts';
import { installRuntime } from '../../process/install-runtime.ts';
import { logError } from '../../process/log-error.ts';
import { encodeSegment } from '../../workflows/default-path.ts';
import type { Temporal } from '../temporal.ts';

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
  const folder = join(dataFolder(), 'logs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const log = join(folder, `${encodeSegment(workflowId)}.log`);
  const logger = pino({ serializers: { error: logError } }, destination({ dest: log, mode: 0o600, sync: true }));
  // Ctrl-C is handled by the command.
  installRuntime(logger, { shutdownSignals: [] });
  const connection = await NativeConnection.connect(connectionOptions);
  const workers = await createWorkers({ connection, namespace, config, taskQueue });
  const ended = workers.run();
  return {
    log,
    failed: new Promise((_, reject) => {
      ended.catch((error: Error) =>
        reject(new Error(`The worker failed: ${error.message} (log: ${log})`, { cause: error })),
      );
    }),
    stop: async () => {
      workers.shutdown();
      await ended.catch(() => {});
      await connection.close();
    },
  };
}
