import type { WorkflowExecutionDescription } from '@temporalio/client';
import { commandLine } from './arguments.ts';
import type { ExportMemo } from './export/begin.ts';
import { describe } from './export/begin.ts';
import type { Temporal } from './temporal.ts';

/** An export that Temporal knows. */
export interface KnownExport {
  workflowId: string;
  description: WorkflowExecutionDescription;
  /** With which it was begun, where its worker is in the command's own process. */
  command?: NonNullable<ExportMemo['command']>;
}

/** @throws Error when Temporal knows no such export */
export async function knownExport({ client, address, namespace }: Temporal, workflowId: string): Promise<KnownExport> {
  const description = await describe(client, workflowId);
  if (description === undefined) {
    throw new Error(
      `Temporal at ${address}, namespace ${namespace}, knows no export "${workflowId}". "fhir-bulk-export list" shows all; ` +
        'an embedded server forgets those that ended a day ago.',
    );
  }
  const { command } = (description.memo ?? {}) as Partial<ExportMemo>;
  return { workflowId, description, ...(command === undefined ? {} : { command }) };
}

/** How an export goes on whose worker is not running; undefined when its workers are elsewhere. */
export function howToGoOn({ command }: KnownExport): string | undefined {
  return command && commandLine(command.args);
}
