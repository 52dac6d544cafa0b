import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { WorkflowNotFoundError } from '@temporalio/client';
import { isOpen } from '../../process/is-running.ts';
import { exportCommand } from '../export.ts';
import { answerOf, knownExport } from '../one-export.ts';
import type { KnownExport } from '../one-export.ts';
import type { Temporal } from '../temporal.ts';
import { withTemporal } from '../temporal.ts';
import { localConfig } from './configuration.ts';
import type { View } from './events.ts';
import { follow } from './follow.ts';
import type { LocalWorker } from './local-worker.ts';
import type { ExportOptions } from './asked.ts';
import { hintOfCancel, showOutcome, showProgress } from './show.ts';

/**
 * Cancels an export and waits for its end. Where its worker was in a command that has ended, one here cleans up.
 *
 * @returns exit code of its end
 */
export async function runCancel(workflowId: string, view: View): Promise<number> {
  return withTemporal(
    (temporal) => cancel(temporal, workflowId, view),
    (text) => view.show({ kind: 'notice', text }),
  );
}

async function cancel(temporal: Temporal, workflowId: string, view: View): Promise<number> {
  let worker: LocalWorker | undefined;
  try {
    const known = await knownExport(temporal, workflowId);
    if (isOpen(known.description)) {
      worker = await workerIfNone(temporal, known);
      await cancelIfOpen(temporal, workflowId);
    } else {
      view.show({ kind: 'notice', text: `${workflowId} has ended already.` });
    }
    const look = showProgress(view, worker === undefined ? hintOfCancel(known) : undefined);
    const outcome = await Promise.race([
      follow(temporal.client, workflowId, look, new AbortController().signal),
      ...(worker === undefined ? [] : [worker.failed]),
    ]);
    return showOutcome(outcome, workflowId, view, { log: worker?.log });
  } finally {
    await worker?.stop();
  }
}

/** One that has ended meanwhile is left as it ended. */
export async function cancelIfOpen({ client }: Temporal, workflowId: string): Promise<void> {
  try {
    await client.workflow.getHandle(workflowId).cancel();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** A worker for an export that was begun by a command which no longer runs. */
async function workerIfNone(temporal: Temporal, known: KnownExport): Promise<LocalWorker | undefined> {
  const { workflowId, description, command } = known;
  if (command === undefined || (await answerOf(temporal, workflowId)).kind !== 'silent') return undefined;
  const { args, cwd, host, config: file } = command;
  // A folder of the same name may be there, but the export's own tells that it is another one.
  if (host !== hostname() && !existsSync(cwd)) {
    throw new Error(`${workflowId} was begun on ${host}, in ${cwd}, which is not here: cancel it there.`);
  }
  const { source, options } = readExportArguments(args);
  // The file that was read then, whatever the environment is now.
  const { config } = await localConfig(source, file === undefined ? options : { ...options, config: file }, cwd);
  const { startLocalWorker } = await import('./local-worker.ts');
  return startLocalWorker(temporal, config, description.taskQueue, workflowId);
}

/** @param args of `export`, with its name */
function readExportArguments([, ...args]: readonly string[]): { source: string; options: ExportOptions } {
  let read: { source: string; options: ExportOptions } | undefined;
  exportCommand()
    // It may be of another version.
    .exitOverride()
    .allowUnknownOption()
    .configureOutput({ writeErr: () => {} })
    .action((source: string, options: ExportOptions) => {
      read = { source, options };
    })
    .parse(args, { from: 'user' });
  if (read === undefined) throw new Error('the command that began the export cannot be read');
  return read;
}
