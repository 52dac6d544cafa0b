import type { Client } from '@temporalio/client';
import type { ExportRow } from './export-rows.ts';
import { lookAt } from './look.ts';

/** Most exports that are asked at a time: the worker of each may have to read its history first. */
const AT_ONCE = 8;
/** Milliseconds within which a worker must answer. */
const ANSWER = 2000;
/** Milliseconds for all of them: where no worker runs, the list must not take longer with each export. */
const ALL = 5000;

/** The rows, and of exports that run how they stand, as far as their workers answer in time. */
export async function withStanding(
  client: Client,
  rows: readonly ExportRow[],
  { all = ALL }: { all?: number } = {},
): Promise<ExportRow[]> {
  const until = Date.now() + all;
  const found = [...rows];
  // Shared: each of them takes the next one.
  const next = found.entries();
  const askOneByOne = async (): Promise<void> => {
    for (const [index, row] of next) {
      const left = until - Date.now();
      if (left <= 0) return;
      if (row.status === 'running') found[index] = await standing(client, row, Math.min(left, ANSWER));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, askOneByOne));
  return found;
}

async function standing(client: Client, row: ExportRow, patience: number): Promise<ExportRow> {
  const look = await lookAt(client, row.workflowId, patience);
  if (look.kind !== 'progress') return { ...row, unanswered: look.kind };
  const { phase, server, standsStillSince, trouble, nextPollAt } = look.progress;
  return {
    ...row,
    phase,
    server,
    ...(nextPollAt === undefined ? {} : { nextPollAt }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(standsStillSince === undefined ? {} : { standsStillSince }),
  };
}
