import type { ExportRequest } from '../../src/contract.ts';
import { BULK_EXPORT } from '../../src/contract.ts';
import { taskQueueOf } from '../../src/process/task-queue.ts';
import { runTool } from '../../src/programs/tool.ts';
import type { DemoArguments } from './arguments.ts';
import { serverName, type DemoStack } from './stack.ts';

/** The request of the demo's export, into a folder with the name of its workflow. */
export function makeRequest({ level, groupId, types }: DemoArguments, workflowId: string): ExportRequest {
  return {
    server: serverName,
    ...(level === 'group' ? { level, groupId: groupId ?? '' } : { level }),
    ...(types === undefined ? {} : { parameters: { _type: types } }),
    destination: { path: workflowId },
  };
}

/** Starts the export with the Temporal CLI, as a user would, after printing the command. */
export async function startWithCli(
  stack: DemoStack,
  request: ExportRequest,
  workflowId: string,
  say: (line: string) => void,
): Promise<void> {
  const options = [
    ['--address', stack.temporal.address],
    ['--type', BULK_EXPORT],
    ['--task-queue', taskQueueOf(stack.env)],
    ['--workflow-id', workflowId],
    ['--input', JSON.stringify(request)],
  ];
  const lines = [`${quote(stack.cli)} workflow start`, ...options.map((option) => option.map(quote).join(' '))];
  say(`Starting an export with the Temporal CLI:\n\n${lines.join(' \\\n  ')}\n`);
  await runTool(stack.cli, ['workflow', 'start', ...options.flat()], { env: stack.env, timeout: 30_000 });
}

/** Quotes an argument for a POSIX shell when it needs that. */
function quote(text: string): string {
  return /^[A-Za-z0-9_./:=@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
