/**
 * All that a caller sees: names, request, report, progress, messages, search attributes and failure codes.
 * It imports only its own parts, which import nothing, so that any service can use it.
 */
import type { ExportPhase, FailureCode, WarningCode } from './errors.ts';
import type { Incremental, NewMembers } from './incremental-contract.ts';
import type { ExportParameters } from './parameters.ts';
import type { Paused } from './steering-contract.ts';

export type { ExportPhase, FailureCode, FailureDetails, WarningCode } from './errors.ts';
export { FAILURES, PHASES, WARNINGS } from './errors.ts';
export type { Incremental, MemberList, NewMembers } from './incremental-contract.ts';
export type { ExportParameters, ParameterValue } from './parameters.ts';

/**
 * Task queue of the workflow and its control activities, unless the workers are started with another
 * (`BULK_EXPORT_TASK_QUEUE`); callers start exports here.
 */
export const TASK_QUEUE = 'fhir-bulk-export';

/** Workflow type of an export. */
export const BULK_EXPORT = 'bulkExport';

/** Workflow type of a check of a server. */
export const CHECK_SERVER = 'checkServer';

/** Signal that wakes a poll that is waiting for its time. */
export const POLL_NOW = 'pollNow';

/** Query that answers with {@link ExportProgress}. */
export const PROGRESS = 'progress';

/**
 * Search attributes, all of type Keyword. A run works without those that the namespace does not have. `level` is an
 * {@link ExportLevel}, `outcome` an {@link ExportOutcome}, set when that is decided: the run may go on for a while, to
 * release its slot and to record its end.
 */
export const SEARCH_ATTRIBUTES = {
  server: 'FhirServer',
  phase: 'ExportPhase',
  level: 'ExportLevel',
  outcome: 'ExportOutcome',
} as const;

/** What the memo of an export says of it, as far as it is known: as in the report. */
export interface ExportMemo {
  location?: string;
  transactionTime?: string;
}

/** Largest request accepted, in bytes of its JSON. */
export const MAX_REQUEST_BYTES = 32 * 1024;

/**
 * Task queue on which the downloads of one configured server run.
 *
 * @param taskQueue of the workflow
 */
export function filesTaskQueue(server: string, taskQueue: string = TASK_QUEUE): string {
  return `${taskQueue}.files.${server}`;
}

export type ExportLevel = 'system' | 'patient' | 'group';

/** The operations that export, by name. */
export type ExportOperation = 'export' | 'davinci-data-export';

/** What requests of every level have. */
interface RequestFields {
  /** An entry of the worker's configuration; callers never send URLs or credentials. */
  server: string;
  parameters?: ExportParameters | undefined;
  /** Default: the first configured destination, and `<workflow id>/<first run id>` below it (`<run id>` for a cron run). */
  destination?: { name?: string | undefined; path?: string | undefined } | undefined;
  /** Added to `Prefer: respond-async`. */
  prefer?: readonly ('handling=lenient' | 'handling=strict' | 'separate-export-status')[] | undefined;
  /** Fetches what `Attachment.url` names, in any resource. Default: attachments are not fetched. */
  attachments?: 'download' | undefined;
  /** True: no DELETE after success. Default false. */
  keepServerFiles?: boolean | undefined;
  /** What happens when files cannot be obtained: the export fails, or waits for an operator. Default `fail`. */
  onIncomplete?: 'fail' | 'wait' | undefined;
  /** Exports what has changed since the last export of the same schedule; excludes `_since` and `_until`. */
  incremental?: Incremental | undefined;
  /**
   * Path, at the same destination, of an export with `incremental.newMembers`: only the members whom its group had gained by
   * then are exported. Such exports start this one. Level `group` only.
   */
  newMembersOf?: string | undefined;
  /** Who wants the data, for the audit trail; at most 200 characters. May be required (`audit.required`). */
  requestedBy?: string | undefined;
  /** What for; at most 1,000 characters. May be required, too. */
  purpose?: string | undefined;
  /** Time for the whole export as an ISO 8601 duration of days, hours, minutes and seconds. Default `P30D`. */
  deadline?: string | undefined;
}

export interface SystemExportRequest extends RequestFields {
  level: 'system';
  operation?: 'export' | undefined;
  groupId?: undefined;
  parameters?: (ExportParameters & { patient?: never }) | undefined;
}

export interface PatientExportRequest extends RequestFields {
  level: 'patient';
  operation?: 'export' | undefined;
  groupId?: undefined;
}

export interface GroupExportRequest extends RequestFields {
  level: 'group';
  /** `davinci-data-export`: that of payers (Da Vinci PDex, CMS-0057-F). Default `export`. */
  operation?: ExportOperation | undefined;
  /** The logical id of the Group. */
  groupId: string;
}

/** The one argument of the workflow. Unknown fields are refused by name. */
export type ExportRequest = SystemExportRequest | PatientExportRequest | GroupExportRequest;

/** Files, resources and bytes (as stored) of one resource type. */
export interface TypeCounts {
  files: number;
  resources: number;
  bytes: number;
}

/** How many issues of one severity and code the server's error or outcome files hold. */
export interface IssueCount {
  severity: string;
  code: string;
  count: number;
}

/** Something of ours that an operator should know and that does not make the export wrong. */
export interface Warning {
  code: WarningCode;
  message: string;
}

/** What the workflow returns; small whatever the export's size. */
export interface ExportReport {
  /** `complete-with-issues` when issues of the server's error files have a severity other than information and success. */
  status: 'complete' | 'complete-with-issues';
  /** Verbatim from the manifest: the `_since` of the next incremental export. */
  transactionTime: string;
  /** The `_since` of this export: the request's, or the mark from which an incremental one went on. Absent: all data. */
  since?: string;
  /** Equal for exports that ask one base URL for the same data, from whatever time on. */
  requestHash?: string;
  /** Of incremental exports: where the next one goes on. Null: it brings all data. */
  mark?: string | null;
  /** Of incremental exports with `newMembers`. */
  newMembers?: NewMembers;
  /** Where the files are: the destination's folder or bucket URL. */
  location: string;
  /** Data files (the manifest's `output`), their resources and bytes. */
  files: number;
  resources: number;
  bytes: number;
  byType: Record<string, TypeCounts>;
  /**
   * When asked for: attachments that were fetched, their bytes, and how many could not be obtained. `leftOut`: those that
   * are never fetched, because the configuration does not allow it or their URLs are not http(s); absent when none.
   */
  attachments?: { files: number; bytes: number; missing: number; leftOut?: number };
  /** Deletions named by the manifest's `deleted` files, by resource type. */
  deletions: Record<string, number>;
  /** Counts only: the texts may speak of patients and stay at the destination in `error/summary.json`. */
  issues: IssueCount[];
  /** How often files were fetched again, or on from where they broke off, by cause: see docs/downloads.md. */
  fetchedAgain: Record<string, number>;
  warnings: Warning[];
}

/** How an export ended: the status of its report, `cancelled`, or the code of its failure; `failed` where it has none. */
export type ExportOutcome = ExportReport['status'] | 'cancelled' | FailureCode | 'failed';

/** The one argument of the check workflow. */
export interface CheckRequest {
  /** Entries of the configuration; the first destination when none is named. */
  server: string;
  destination?: string;
  /** What an export would ask for. Default: what the server does and the configuration allows, if it can be all types. */
  level?: ExportLevel;
  groupId?: string;
  operation?: ExportOperation;
  types?: readonly string[];
  parameters?: ExportParameters;
  prefer?: ExportRequest['prefer'];
  attachments?: ExportRequest['attachments'];
}

/** One thing that was checked. */
export interface CheckRow {
  item: string;
  result: 'ok' | 'warning' | 'failed';
  detail: string;
  /** What to do, for rows that are not ok. */
  fix?: string;
}

export interface CheckReport {
  /** False when a row failed. */
  ok: boolean;
  rows: CheckRow[];
}

/** Answer of the `progress` query. Times are ISO 8601 in UTC. */
export interface ExportProgress {
  phase: ExportPhase;
  server: string;
  location?: string | undefined;
  polls: number;
  /** While it waits for a slot that other exports of ours have: its place, from 1, and how many wait. */
  queue?: { place: number; waiting: number } | undefined;
  /** The server's own words (`X-Progress`). */
  serverProgress?: string | undefined;
  nextPollAt?: string | undefined;
  /**
   * Present once the manifest has been read. `running` are being fetched: one for each batch that has a slot of a worker,
   * at most `maxConcurrentDownloads` for each worker seen lately, and shared with other exports. The rest is `waiting`.
   */
  files?: { total: number; done: number; failed: number; waiting: number; running: number } | undefined;
  /** Once the files are there, when attachments were asked for. */
  attachments?: { total: number; done: number; failed: number } | undefined;
  /** Of the data files that are done, as in the report; `knownBytes` of all files, if the manifest gives each size. */
  resources: number;
  bytes: number;
  knownBytes?: number | undefined;
  transactionTime?: string | undefined;
  /** As in the report, once the export has been opened. */
  since?: string | undefined;
  /** How often files were put off, by cause. */
  fetchedAgain?: Record<string, number> | undefined;
  /** The latest trouble that is being retried. */
  trouble?: string | undefined;
  /** The step that everything else waits for. If it stays so, the pending activity of the workflow says why. */
  pending?: string | undefined;
  /** When the first of a series of troubles came, if the server has sent nothing since. */
  standsStillSince?: string | undefined;
  /** Latest time at which the export ends, even if it is paused. */
  deadline: string;
  /** What an operator has paused. */
  paused?: Paused | undefined;
  /** Most downloads at a time, if an operator has set it. */
  concurrency?: number | undefined;
  warnings: Warning[];
}
