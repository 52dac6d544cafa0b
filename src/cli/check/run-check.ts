import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import type { Config } from '../../config.ts';
import type { CheckReport, CheckRequest } from '../../contract.ts';
import { CHECK_SERVER } from '../../contract.ts';
import { checkAsExport } from '../../policy/request/check-as-export.ts';
import { taskQueueOf } from '../../process/task-queue.ts';
import { UsageError } from '../exit-codes.ts';
import { localConfig } from '../export/configuration.ts';
import type { LocalWorker } from '../export/local-worker.ts';
import { requireValid } from '../export/request-of.ts';
import { workerSettings } from '../export/worker-settings.ts';
import type { Temporal } from '../temporal.ts';
import { openTemporal, serviceOf } from '../temporal.ts';

/** Milliseconds without a worker's answer after which the user learns what may be missing. */
const PATIENCE = 10_000;

/**
 * Has a server checked by a worker: one in this process where Temporal is embedded.
 *
 * @param file with the configuration of a worker in this process
 * @throws UsageError, or Error for a faulty configuration or environment, before anything is started
 */
export async function runCheck(request: CheckRequest, file: string | undefined): Promise<CheckReport> {
  const isEmbedded = serviceOf() === 'embedded';
  if (file !== undefined && !isEmbedded) {
    throw new UsageError(
      '--config is for the embedded Temporal service: workers elsewhere have their own configuration.',
    );
  }
  requireValid(checkAsExport(request));
  const deployment = taskQueueOf(process.env);
  // The embedded server has no workers but those of commands.
  const config = isEmbedded ? await configOf(request, file) : undefined;
  const workflowId = `check-server-${request.server}-${randomUUID()}`;
  const temporal = await openTemporal((line) => process.stderr.write(`${line}\n`));
  const taskQueue = config === undefined ? deployment : `${deployment}.here.${process.pid}`;
  const worker = config === undefined ? undefined : await workerHere(temporal, config, taskQueue, workflowId);
  const hint = setTimeout(
    () =>
      process.stderr.write(
        'Still waiting. Is a worker running (fhir-bulk-export worker, npm run worker) with the same Temporal address ' +
          'and task queue?\n',
      ),
    PATIENCE,
  );
  try {
    const report = temporal.client.workflow.execute<(request: CheckRequest) => Promise<CheckReport>>(CHECK_SERVER, {
      taskQueue,
      workflowId,
      args: [request],
      workflowExecutionTimeout: '5 minutes',
    });
    return await Promise.race([report, ...(worker === undefined ? [] : [worker.failed])]);
  } catch (error) {
    throw error instanceof WorkflowFailedError && error.cause !== undefined ? error.cause : error;
  } finally {
    clearTimeout(hint);
    await worker?.stop();
    await temporal.close();
  }
}

/** Configuration of a worker in this process. */
async function configOf({ server, destination }: CheckRequest, file: string | undefined): Promise<Config> {
  const options = {
    ...(destination === undefined ? {} : { destination }),
    ...(file === undefined ? {} : { config: file }),
  };
  const { config } = await localConfig(server, options, process.cwd());
  workerSettings(config);
  return config;
}

async function workerHere(
  temporal: Temporal,
  config: Config,
  taskQueue: string,
  workflowId: string,
): Promise<LocalWorker> {
  const { startLocalWorker } = await import('../export/local-worker.ts');
  return startLocalWorker(temporal, config, taskQueue, workflowId);
}
