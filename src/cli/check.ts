import { parseArgs } from 'node:util';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { randomUUID } from 'node:crypto';
import type { CheckReport, CheckRequest, CheckRow, ExportLevel } from '../contract.ts';
import { CHECK_SERVER } from '../contract.ts';
import { taskQueueOf } from '../process/task-queue.ts';

const USAGE = `Usage: npm run check -- <server> [--destination NAME] [--level system|patient|group] [--types A,B]
Checks a server of the configuration through a running worker; nothing is exported.`;

const SIGNS: Record<CheckRow['result'], string> = { ok: 'ok     ', warning: 'warning', failed: 'FAILED ' };
/** Milliseconds without a worker's answer after which the user is told what may be missing. */
const PATIENCE = 10_000;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      destination: { type: 'string' },
      level: { type: 'string' },
      types: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [server] = positionals;
  if (values.help === true || server === undefined) {
    process.stdout.write(`${USAGE}\n`);
    return values.help === true ? 0 : 2;
  }
  const request: CheckRequest = {
    server,
    ...(values.destination === undefined ? {} : { destination: values.destination }),
    ...(values.level === undefined ? {} : { level: values.level as ExportLevel }),
    ...(values.types === undefined ? {} : { types: values.types.split(',') }),
  };
  const { connectionOptions, namespace } = loadClientConnectConfig();
  const connection = await Connection.connect(connectionOptions);
  const hint = setTimeout(
    () =>
      process.stderr.write(
        'Still waiting. Is a worker running (npm run worker) with the same Temporal address and task queue?\n',
      ),
    PATIENCE,
  );
  try {
    const client = new Client({ connection, ...(namespace === undefined ? {} : { namespace }) });
    const report = await client.workflow.execute<(request: CheckRequest) => Promise<CheckReport>>(CHECK_SERVER, {
      taskQueue: taskQueueOf(process.env),
      workflowId: `check-server-${server}-${randomUUID()}`,
      args: [request],
      workflowExecutionTimeout: '5 minutes',
    });
    print(report.rows);
    return report.ok ? 0 : 1;
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

try {
  process.exitCode = await main();
} catch (error) {
  const { message } =
    error instanceof WorkflowFailedError && error.cause !== undefined ? error.cause : (error as Error);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
