import { hostname } from 'node:os';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { BULK_EXPORT } from '../contract.ts';
import { commandLine, quote } from './arguments.ts';
import type { MadeCommand } from './export/begin.ts';
import { describe, memoOf } from './export/begin.ts';
import type { Look } from './look.ts';
import { lookAt } from './look.ts';
import type { Temporal } from './temporal.ts';

/** Milliseconds within which a worker answers that runs, also one that has to read a long history first. */
const ANSWER = 5000;

/** An export that Temporal knows. */
export interface KnownExport {
  workflowId: string;
  description: WorkflowExecutionDescription;
  /** With which it was begun, where its worker is in the command's own process. */
  command?: MadeCommand;
}

/** @throws Error when Temporal knows no such export, or the workflow of that id is something else */
export async function knownExport({ client, address, namespace }: Temporal, workflowId: string): Promise<KnownExport> {
  const description = await describe(client, workflowId);
  if (description === undefined) {
    throw new Error(
      `Temporal at ${address}, namespace ${namespace}, knows no export "${workflowId}". "fhir-bulk-export list" shows all; ` +
        'an embedded server forgets those that ended a day ago.',
    );
  }
  // The gate of a server, say: what would stop an export would stop that as well.
  if (description.type !== BULK_EXPORT) {
    throw new Error(`"${workflowId}" is a workflow of the type ${description.type}, and no export: it is left alone.`);
  }
  const { command } = memoOf(description);
  return { workflowId, description, ...(command === undefined ? {} : { command }) };
}

/** How it stands, as far as a worker answers. */
export async function answerOf({ client }: Temporal, workflowId: string): Promise<Look> {
  return lookAt(client, workflowId, ANSWER);
}

/**
 * How an export goes on whose worker is not running: the command that began it, as it must be typed here; undefined when
 * its workers are elsewhere.
 *
 * @param cwd folder in which it is typed
 */
export function howToGoOn({ command }: Pick<KnownExport, 'command'>, cwd = process.cwd()): string | undefined {
  if (command === undefined) return undefined;
  const { args, host, config } = command;
  const isNamed = config === undefined || args.some((arg) => /^--config(=|$)/.test(arg));
  return [
    // Relative paths are those of the folder in which it ran.
    command.cwd === cwd ? '' : `cd ${quote(command.cwd)} && `,
    isNamed ? '' : `BULK_EXPORT_CONFIG=${quote(config)} `,
    commandLine(args),
    host === hostname() ? '' : ` # on ${host}`,
  ].join('');
}
