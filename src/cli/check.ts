import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { CheckReport, CheckRequest, CheckRow } from '../contract.ts';
import { CHECK_SERVER } from '../contract.ts';
import { taskQueueOf } from '../process/task-queue.ts';
import { list, namedValues, newCommand, repeated } from './arguments.ts';
import { exitCode, exitWith, UsageError } from './exit-codes.ts';
import type { LocalWorker } from './export/local-worker.ts';
import { isUrl } from './export/names.ts';
import type { Temporal } from './temporal.ts';

const SIGNS: Record<CheckRow['result'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };
/** Milliseconds without a worker's answer after which the user learns what may be missing. */
const PATIENCE = 10_000;

/** `fhir-bulk-export check`: exit code 1 if a row has failed. */
export function checkCommand(): Command {
  return (
    newCommand('check', { summary: 'check a server of the configuration; nothing is exported' }, [
      ['check hospital-a', 'address, keys, token, clock, what the server supports, destination'],
      ['check hospital-a --level group --group diabetes --types Patient', 'what an export would ask for, too'],
    ])
      .argument('<server>', 'an entry of fhir-bulk-export.yaml')
      .option('--destination <name>', 'default: the first one')
      .option(
        '--config <file>',
        'with the embedded Temporal service; default: BULK_EXPORT_CONFIG, else ./fhir-bulk-export.yaml',
      )
      // What these may be, the check says itself, as an export does.
      .option('--level <level>', 'system, patient or group; default: what the server does')
      .option('--group <id>', 'Group of an export')
      .option('--operation <name>', 'export or davinci-data-export; default: export')
      .option('--type, --types <types>', 'resource types of an export, separated by commas; default: all', list)
      .option('--param, --parameter <name=value>', 'a parameter of an export; may be repeated', repeated)
      .option('--prefer <value>', 'such as handling=lenient; may be repeated', repeated)
      .option('--attachments <what>', 'download')
      .action(async (server: string, { group, parameter, config, ...others }: CheckOptions) => {
        if (isUrl(server))
          throw new UsageError('Only an entry of the configuration can be checked; export takes URLs.');
        const asked = {
          server,
          ...others,
          ...(group === undefined ? {} : { groupId: group }),
          ...(parameter === undefined ? {} : { parameters: namedValues(parameter) }),
        };
        const { ok, rows } = await runCheck(asked, config);
        print(rows);
        exitWith(exitCode(ok ? 'complete' : 'error'));
      })
  );
}

type CheckOptions = Omit<CheckRequest, 'server' | 'groupId' | 'parameters'> & {
  group?: string;
  parameter?: string[];
  config?: string;
};

/** @param config file of a worker in this process */
async function runCheck(request: CheckRequest, config: string | undefined): Promise<CheckReport> {
  const { WorkflowFailedError } = await import('@temporalio/client');
  const { openTemporal } = await import('./temporal.ts');
  const temporal = await openTemporal((line) => process.stderr.write(`${line}\n`));
  if (config !== undefined && temporal.service === 'configured') {
    throw new UsageError(
      '--config is for the embedded Temporal service: workers elsewhere have their own configuration.',
    );
  }
  const workflowId = `check-server-${request.server}-${randomUUID()}`;
  const here = temporal.service === 'embedded' ? await workerHere(temporal, request, config, workflowId) : undefined;
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
      taskQueue: here?.taskQueue ?? taskQueueOf(process.env),
      workflowId,
      args: [request],
      workflowExecutionTimeout: '5 minutes',
    });
    return await Promise.race([report, ...(here === undefined ? [] : [here.worker.failed])]);
  } catch (error) {
    throw error instanceof WorkflowFailedError && error.cause !== undefined ? error.cause : error;
  } finally {
    clearTimeout(hint);
    await here?.worker.stop();
    await temporal.close();
  }
}

/** The embedded server has no workers but those of commands. */
async function workerHere(
  temporal: Temporal,
  { server, destination }: CheckRequest,
  file: string | undefined,
  workflowId: string,
): Promise<{ worker: LocalWorker; taskQueue: string }> {
  const { localConfig } = await import('./export/configuration.ts');
  const { startLocalWorker } = await import('./export/local-worker.ts');
  const options = {
    ...(destination === undefined ? {} : { destination }),
    ...(file === undefined ? {} : { config: file }),
  };
  const { config } = await localConfig(server, options, process.cwd());
  const taskQueue = `${taskQueueOf(process.env)}.here.${process.pid}`;
  return { worker: await startLocalWorker(temporal, config, taskQueue, workflowId), taskQueue };
}

function print(rows: readonly CheckRow[]): void {
  const width = Math.max(...rows.map(({ item }) => item.length));
  for (const { item, result, detail, fix } of rows) {
    process.stdout.write(`${SIGNS[result]}  ${item.padEnd(width)}  ${detail}\n`);
    if (fix !== undefined) process.stdout.write(`${' '.repeat(width + 11)}→ ${fix}\n`);
  }
}
