import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { Option } from 'commander';
import type { CheckReport, CheckRequest, CheckRow } from '../contract.ts';
import { CHECK_SERVER } from '../contract.ts';
import { taskQueueOf } from '../process/task-queue.ts';
import { list, namedValues, newCommand, repeated } from './arguments.ts';
import { exitCode } from './exit-codes.ts';

const SIGNS: Record<CheckRow['result'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };
/** Milliseconds without a worker's answer after which the user learns what may be missing. */
const PATIENCE = 10_000;

/** `fhir-bulk-export check`: exit code 1 if a row has failed. */
export function checkCommand(): Command {
  return newCommand(
    'check',
    { summary: 'check a server of the configuration through a running worker; nothing is exported' },
    [
      ['check hospital-a', 'address, keys, token, clock, what the server supports, destination'],
      ['check hospital-a --level group --group diabetes --types Patient', 'what an export would ask for, too'],
    ],
  )
    .argument('<server>', 'an entry of fhir-bulk-export.yaml')
    .option('--destination <name>', 'default: the first one')
    .addOption(new Option('--level <level>', 'of an export; default: system').choices(['system', 'patient', 'group']))
    .option('--group <id>', 'Group of an export')
    .addOption(new Option('--operation <name>', 'default: export').choices(['export', 'davinci-data-export']))
    .option('--types <types>', 'resource types of an export, separated by commas; default: all', list)
    .option('--param, --parameter <name=value>', 'a parameter of an export; may be repeated', repeated)
    .action(async (server: string, { group, parameter, ...others }: CheckOptions) => {
      const { ok, rows } = await runCheck({
        server,
        ...others,
        ...(group === undefined ? {} : { groupId: group }),
        ...(parameter === undefined ? {} : { parameters: namedValues(parameter) }),
      });
      print(rows);
      process.exitCode = exitCode(ok ? 'complete' : 'error');
    });
}

type CheckOptions = Omit<CheckRequest, 'server' | 'groupId' | 'parameters'> & { group?: string; parameter?: string[] };

async function runCheck(request: CheckRequest): Promise<CheckReport> {
  const { Client, Connection, WorkflowFailedError } = await import('@temporalio/client');
  const { loadClientConnectConfig } = await import('@temporalio/envconfig');
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  const connection = await Connection.connect(connectionOptions);
  const hint = setTimeout(
    () =>
      process.stderr.write(
        'Still waiting. Is a worker running (fhir-bulk-export worker, npm run worker) with the same Temporal address ' +
          'and task queue?\n',
      ),
    PATIENCE,
  );
  try {
    const client = new Client({ connection, namespace });
    return await client.workflow.execute<(request: CheckRequest) => Promise<CheckReport>>(CHECK_SERVER, {
      taskQueue: taskQueueOf(process.env),
      workflowId: `check-server-${request.server}-${randomUUID()}`,
      args: [request],
      workflowExecutionTimeout: '5 minutes',
    });
  } catch (error) {
    throw error instanceof WorkflowFailedError && error.cause !== undefined ? error.cause : error;
  } finally {
    clearTimeout(hint);
    await connection.close();
  }
}

function print(rows: readonly CheckRow[]): void {
  const width = Math.max(...rows.map(({ item }) => item.length));
  for (const { item, result, detail, fix } of rows) {
    process.stdout.write(`${SIGNS[result]}  ${item.padEnd(width)}  ${detail}\n`);
    if (fix !== undefined) process.stdout.write(`${' '.repeat(width + 11)}→ ${fix}\n`);
  }
}
