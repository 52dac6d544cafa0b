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
  /** Of one that runs, as its worker says; see the query `progress`. */
  standsStillSince?: string;
  trouble?: string;
  nextPollAt?: string;
  /** Why its worker has not said how it stands, where one was asked: none answers, or its keys are not here. */
  unanswered?: 'silent' | 'unreadable';
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
  const notes = rows.map(noteOf);
  const isNoted = notes.some((note) => note !== '');
  const cells = rows.map(({ workflowId, status, phase = '', server = '', endedAs = '', startedAt, endedAt }, index) => [
    workflowId,
    server,
    status,
    status === 'running' ? phase : endedAs,
    toSeconds(startedAt),
    ...(isNoted ? [notes[index] ?? ''] : []),
    readableTime(((endedAt === undefined ? Date.now() : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000),
  ]);
  const texts = ['workflow id', 'server', 'status', 'phase or outcome', 'started (UTC)'];
  if (isNoted) texts.push('stands still since');
  return table([...texts, 'took'], cells, texts.length);
}

function noteOf({ standsStillSince, unanswered }: Pick<ExportRow, 'standsStillSince' | 'unanswered'>): string {
  if (standsStillSince !== undefined) return toSeconds(standsStillSince);
  if (unanswered === undefined) return '';
  return unanswered === 'silent' ? '(no worker answers)' : '(other payload keys)';
}

function toSeconds(instant: string): string {
  return instant.slice(0, 19).replace('T', ' ');
}
