import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Stack } from './stack.ts';

/** Folder of the histories that every later version must be able to replay. */
export const HISTORIES = join(import.meta.dirname, '../histories');

/** Stores the history of a run for `test/workflows/replay.test.ts`. */
export async function recordHistory(stack: Stack, workflowId: string, name: string): Promise<void> {
  const history = await stack.client.workflow.getHandle(workflowId).fetchHistory();
  await mkdir(HISTORIES, { recursive: true });
  // Where it was recorded is nobody's business, and replay does not look at it.
  const json = historyToJSON(history).replaceAll(/("(?:stackTrace|identity)": ?)"(?:[^"\\]|\\.)*"/g, '$1""');
  await writeFile(join(HISTORIES, `${name}.json`), `${json}\n`);
}
