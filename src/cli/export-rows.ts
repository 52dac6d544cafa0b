import type { WorkflowExecutionInfo } from '@temporalio/client';
import { BULK_EXPORT, SEARCH_ATTRIBUTES } from '../contract.ts';
import { tolerant } from '../process/tolerant-client.ts';
import type { Temporal } from './temporal.ts';
import { readableTime } from './view/readable.ts';
import { table } from './view/report-lines.ts';

/** One export in the list; times are ISO 8601 in UTC. */
export interface ExportRow {
  workflowId: string;
  /** As Temporal says it, in small letters: `running`, `completed`, `failed`, `cancelled`, `terminated`, … */
  status: string;
  /** Where the namespace has the search attributes. */
  phase?: string;
  server?: string;
  level?: string;
  /** How it ended, more exactly than `status`: an `ExportOutcome` of the contract. */
  endedAs?: string;
  startedAt: string;
  endedAt?: string;
}

const SHOWN = {
  phase: SEARCH_ATTRIBUTES.phase,
  server: SEARCH_ATTRIBUTES.server,
  level: SEARCH_ATTRIBUTES.level,
  endedAs: SEARCH_ATTRIBUTES.outcome,
} as const;

/** The newest exports. */
export async function exportRows({ client }: Temporal, limit: number): Promise<ExportRow[]> {
  const rows: ExportRow[] = [];
  for await (const info of tolerant(client).workflow.list({
    query: `WorkflowType = '${BULK_EXPORT}'`,
    pageSize: Math.min(Math.max(limit, 1), 1000),
  })) {
    if (rows.length >= limit) break;
    rows.push(rowOf(info));
  }
  return rows;
}

/** What is known of an export without asking its worker. */
export function rowOf(info: Omit<WorkflowExecutionInfo, 'raw'>): ExportRow {
  const { workflowId, status, startTime, closeTime } = info;
  // The typed ones are of workflows that were started here; these are of all.
  // eslint-disable-next-line typescript/no-deprecated
  const attributes = info.searchAttributes as Record<string, readonly unknown[] | undefined>;
  const shown = Object.entries(SHOWN)
    .map(([field, name]) => [field, attributes[name]?.[0]])
    .filter(([, value]) => typeof value === 'string');
  return {
    workflowId,
    status: status.name.toLowerCase(),
    ...(Object.fromEntries(shown) as Pick<ExportRow, keyof typeof SHOWN>),
    startedAt: startTime.toISOString(),
    ...(closeTime === undefined ? {} : { endedAt: closeTime.toISOString() }),
  };
}

/** The list for people. */
export function describeRows(rows: readonly ExportRow[]): string[] {
  if (rows.length === 0) return ['No exports.'];
  const cells = rows.map(({ workflowId, status, phase = '', endedAs = '', startedAt, endedAt }) => [
    workflowId,
    status,
    status === 'running' ? phase : endedAs,
    startedAt.slice(0, 19).replace('T', ' '),
    readableTime(((endedAt === undefined ? Date.now() : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000),
  ]);
  return table(['workflow id', 'status', 'phase or outcome', 'started (UTC)', 'took'], cells, 4);
}
