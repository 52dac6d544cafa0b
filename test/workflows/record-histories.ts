import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HistoryAndWorkflowId } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Stack } from '../support/stack.ts';
import { runsOf } from '../support/runs.ts';

/** Folder of the histories that every later version must be able to replay. */
export const HISTORIES = join(import.meta.dirname, '../histories');

/** A recorded history, and the id of its workflow, with which those of its children begin. */
export async function readHistory(name: string): Promise<HistoryAndWorkflowId> {
  interface Read {
    events: [{ workflowExecutionStartedEventAttributes: { workflowId?: string } }];
  }
  const history = JSON.parse(await readFile(join(HISTORIES, name), 'utf8')) as Read;
  // Older ones do not have it, and have no children.
  return { history, workflowId: history.events[0].workflowExecutionStartedEventAttributes.workflowId ?? name };
}

/**
 * Stores the histories of all runs of an export for `test/workflows/replay.test.ts`: `<name>.json`, and `<name>.2.json`
 * and so on for runs that were continued. Never overwrites one: exports of a released version may still be running.
 *
 * @returns how many runs there are
 * @throws Error `EEXIST` when there is a history of that name
 */
export async function recordHistory(stack: Stack, workflowId: string, name: string): Promise<number> {
  await mkdir(HISTORIES, { recursive: true });
  const runs = await runsOf(stack.client, workflowId);
  for (const [position, events] of runs.entries()) {
    // Where it was recorded is nobody's business, and replay does not look at it.
    const json = historyToJSON({ events }).replaceAll(/("(?:stackTrace|identity)": ?)"(?:[^"\\]|\\.)*"/g, '$1""');
    const file = position === 0 ? `${name}.json` : `${name}.${position + 1}.json`;
    await writeFile(join(HISTORIES, file), `${json}\n`, { flag: 'wx' });
  }
  return runs.length;
}
