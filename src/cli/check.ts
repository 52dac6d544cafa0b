import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type {
  CheckReport,
  CheckRequest,
  CheckRow,
  ExportLevel,
  ExportOperation,
  ExportParameters,
} from '../contract.ts';
import { CHECK_SERVER } from '../contract.ts';
import { taskQueueOf } from '../process/task-queue.ts';
import type { Command } from './command.ts';

const USAGE = `Usage: fhir-bulk-export check <server> [--destination NAME] [--level system|patient|group] [--group ID]
       [--operation export|davinci-data-export] [--types A,B] [--parameter NAME=VALUE]...
       [--prefer VALUE]... [--attachments download]
Checks a server of the configuration through a running worker; nothing is exported.`;

type Preferences = NonNullable<CheckRequest['prefer']>;

const SIGNS: Record<CheckRow['result'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };
/** Milliseconds without a worker's answer after which the user learns what may be missing. */
const PATIENCE = 10_000;

/** `fhir-bulk-export check`: exit code 1 if a row has failed. */
export const check: Command = {
  usage: USAGE,
  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        destination: { type: 'string' },
        level: { type: 'string' },
        group: { type: 'string' },
        operation: { type: 'string' },
        types: { type: 'string' },
        parameter: { type: 'string', multiple: true },
        prefer: { type: 'string', multiple: true },
        attachments: { type: 'string' },
      },
    });
    const [server] = positionals;
    if (server === undefined) {
      process.stderr.write(`${USAGE}\n`);
      return 2;
    }
    const { ok, rows } = await runCheck({
      server,
      ...(values.destination === undefined ? {} : { destination: values.destination }),
      ...(values.level === undefined ? {} : { level: values.level as ExportLevel }),
      ...(values.group === undefined ? {} : { groupId: values.group }),
      ...(values.operation === undefined ? {} : { operation: values.operation as ExportOperation }),
      ...(values.types === undefined ? {} : { types: values.types.split(',') }),
      ...(values.parameter === undefined ? {} : { parameters: parametersOf(values.parameter) }),
      ...(values.prefer === undefined ? {} : { prefer: values.prefer as Preferences }),
      ...(values.attachments === undefined ? {} : { attachments: values.attachments as 'download' }),
    });
    print(rows);
    return ok ? 0 : 1;
  },
};

/** Parameters as an export's request has them; one that is given several times is a list. */
function parametersOf(given: readonly string[]): ExportParameters {
  const parameters: Record<string, string[]> = {};
  for (const text of given) {
    const [name = '', ...value] = text.split('=');
    (parameters[name] ??= []).push(value.join('='));
  }
  return parameters;
}

async function runCheck(request: CheckRequest): Promise<CheckReport> {
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
