/**
 * All that a caller sees: names, request, report, progress, messages, search attributes and failure codes.
 * It imports nothing, so that any service can use it.
 */

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

/** Search attributes, all of type Keyword. A run works without them when the namespace does not have them. */
export const SEARCH_ATTRIBUTES = { server: 'FhirServer', phase: 'ExportPhase' } as const;

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

/** Value of one export parameter; a list where FHIR allows several. */
export type ParameterValue = string | boolean | number | readonly (string | boolean | number)[];

/** The one argument of the workflow. Unknown fields are refused by name. */
export interface ExportRequest {
  /** An entry of the worker's configuration; callers never send URLs or credentials. */
  server: string;
  level: ExportLevel;
  /** With level `group` only: the logical id of the Group. */
  groupId?: string;
  /** FHIR's own names; any other name that begins with `_` is sent as given. */
  parameters?: Record<string, ParameterValue>;
  /** Default: the first configured destination, and `<workflow id>/<first run id>` below it (`<run id>` for a cron run). */
  destination?: { name?: string; path?: string };
  /** Added to `Prefer: respond-async`. */
  prefer?: readonly ('handling=lenient' | 'handling=strict' | 'separate-export-status')[];
  /** Fetches what `Attachment.url` names, in any resource. Default: attachments are not fetched. */
  attachments?: 'download';
  /** True: no DELETE after success. Default false. */
  keepServerFiles?: boolean;
  /** Time for the whole export as an ISO 8601 duration of days, hours, minutes and seconds. Default `P30D`. */
  deadline?: string;
}

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
  /** `complete-with-issues` when the server's error files hold severity warning, error or fatal. */
  status: 'complete' | 'complete-with-issues';
  /** Verbatim from the manifest: the `_since` of the next incremental export. */
  transactionTime: string;
  /** Where the files are: the destination's folder or bucket URL. */
  location: string;
  /** Data files (the manifest's `output`), their resources and bytes. */
  files: number;
  resources: number;
  bytes: number;
  byType: Record<string, TypeCounts>;
  /** When asked for: attachments that were fetched, their bytes, and how many could not be had. */
  attachments?: { files: number; bytes: number; missing: number };
  /** Deletions named by the manifest's `deleted` files, by resource type. */
  deletions: Record<string, number>;
  /** Counts only: the texts may speak of patients and stay at the destination in `error/summary.json`. */
  issues: IssueCount[];
  /** How often files were fetched again, or on from where they broke off, by cause: see docs/downloads.md. */
  fetchedAgain: Record<string, number>;
  warnings: Warning[];
}

/** The one argument of the check workflow. */
export interface CheckRequest {
  /** Entries of the configuration; the first destination when none is named. */
  server: string;
  destination?: string;
  /** What an export would ask for, to check the scopes. Default: system level, all types. */
  level?: ExportLevel;
  types?: readonly string[];
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

export const PHASES = [
  'starting',
  'kick-off',
  'waiting',
  'downloading',
  'settling',
  'cleaning-up',
  'complete',
  'cancelled',
  'failed',
] as const;
export type ExportPhase = (typeof PHASES)[number];

/** Answer of the `progress` query. Times are ISO 8601 in UTC. */
export interface ExportProgress {
  phase: ExportPhase;
  server: string;
  location?: string;
  polls: number;
  /** The server's own words (`X-Progress`). */
  serverProgress?: string;
  nextPollAt?: string;
  /**
   * Present once the manifest has been read. `running` are files that are being fetched: one for each batch that has a
   * slot of a worker, of which there are at most `maxConcurrentDownloads` for each worker seen lately. Other exports share
   * these, so that it may be fewer. All else that is to be fetched is `waiting`.
   */
  files?: { total: number; done: number; failed: number; waiting: number; running: number };
  /** Present once the files are there, when attachments were asked for. */
  attachments?: { total: number; done: number; failed: number };
  resources: number;
  bytes: number;
  transactionTime?: string;
  /** How often files were put off, by cause. */
  fetchedAgain?: Record<string, number>;
  /** The latest trouble that is being retried. */
  trouble?: string;
  /** When the first of a series of troubles came, if nothing has come of the server since. */
  standsStillSince?: string;
  warnings: Warning[];
}

/**
 * The first of a failure's `details`, except with `InvalidRequest`: where the export is and how far it was. Fields are
 * absent while nothing is known of them.
 */
export interface FailureDetails {
  /** In which it failed. */
  phase: ExportPhase;
  location?: string;
  transactionTime?: string;
  files?: { total: number; done: number; failed: number };
}

/** The closed table of failure codes: what each means and what the operator does next. */
export const FAILURES = {
  InvalidRequest: {
    meaning: 'The request is wrong; the message names every field and its fix.',
    next: 'Correct the request and start again.',
  },
  UnknownServer: {
    meaning: 'The worker’s configuration has no server of that name.',
    next: 'Correct the name, or add the server to fhir-bulk-export.yaml and restart the workers.',
  },
  UnknownDestination: {
    meaning: 'The worker’s configuration has no destination of that name.',
    next: 'Correct the name, or add the destination to fhir-bulk-export.yaml and restart the workers.',
  },
  KickOffRejected: {
    meaning: 'The FHIR server refused to start the export; its reasons are quoted.',
    next: 'Change the request as the server says. `prefer: ["handling=lenient"]` lets it ignore what it cannot do.',
  },
  KickOffUnknown: {
    meaning: 'Two kick-offs were sent and neither answer arrived: a job may be running on the server.',
    next: 'Ask the server’s operators for running exports, then start again with another path.',
  },
  ExportFailed: {
    meaning: 'The FHIR server says that the export failed; its reasons are quoted.',
    next: 'Read the reasons; narrow the request (`_type`, a Group) or ask the server’s operators.',
  },
  ExportGone: {
    meaning: 'The FHIR server no longer knows the job (404 or 410 on the status URL).',
    next: 'Start again with the same request and path: a fresh export is kicked off.',
  },
  ExportExpired: {
    meaning: 'The job ended on the server before all files were fetched, or its manifest lists other files by now.',
    next: 'Start again with the same request and path: a fresh export is kicked off.',
  },
  InvalidManifest: {
    meaning: 'The server says the export is complete but sends no usable manifest. Its job is left alone.',
    next: 'Look at `.export/` at the destination; start again with the same request and path to ask once more.',
  },
  ServerUnavailable: {
    meaning: 'The FHIR server did not answer, or answered 429 or 5xx, for 24 hours. Its job is left alone.',
    next: 'When the server is back, start again with the same request and path: the job is taken up where it was.',
  },
  AuthorizationFailed: {
    meaning: 'The FHIR server refuses the worker’s credentials.',
    next: 'Check the server’s `auth` entry and its registration with the FHIR server.',
  },
  IncompleteExport: {
    meaning: 'Some files could not be had whole; the whole ones stay, the full list is `.export/missing.json`.',
    next: 'Start again with the same request and path: only the missing files are fetched, or all of them from a fresh export when the server has lost them.',
  },
  DestinationNotEmpty: {
    meaning:
      'The folder holds something else, a finished export, or an export that is still running; or another export is above or below it.',
    next: 'Do as the message says, choose another path, or leave `destination.path` out.',
  },
  DestinationFailed: {
    meaning: 'The destination cannot be written or read, or this worker sees another folder than the first one did.',
    next: 'Mend what the message names (space, rights, mount), then start again with the same request and path.',
  },
  DeadlineExceeded: {
    meaning: 'The export took longer than its deadline (default 30 days); the server’s job was deleted.',
    next: 'Narrow the request, or give a longer `deadline`.',
  },
} as const satisfies Record<string, { meaning: string; next: string }>;

export type FailureCode = keyof typeof FAILURES;

/** The closed table of warning codes of {@link ExportReport}. */
export const WARNINGS = {
  PossibleOrphanJob: 'A kick-off was sent twice because its first answer was lost; a second job may run on the server.',
  JobRestarted: 'The earlier job of this folder was gone; the export was kicked off once more from the start.',
  TypeWithoutFile: 'A requested resource type brought no file: it has no data, or the server may have withheld it.',
  NothingExported:
    'The export brought no resource: the group may be empty, nothing may match or have changed, or this client may see none.',
  ParameterIgnored: 'The server says that it ignored a parameter.',
  ScopeNarrower: 'The token covers less than the request; data of some types may be missing.',
  PagesDisagree: 'Pages of the manifest differ in a field that must be equal; the first page was believed.',
  NoTransactionTime: 'The manifest has no transactionTime, so an incremental export cannot follow on this one.',
  UnknownManifestType: 'The manifest calls itself something other than a bulk export manifest.',
  SpaceMayBeShort:
    'The manifest names more bytes than the destination has free; the export goes on, and may end there.',
  LinksExpireSoon:
    'At the pace so far the links to files expire before all are fetched; they will be renewed if the server does so.',
  AttachmentsMissing:
    'Attachments could not be had; attachments/index.ndjson names each and says why. The resources that name them are whole.',
  DeleteFailed: 'The server did not accept the DELETE of the job; its files stay there until they expire.',
  DeleteUnsupported: 'The server does not support DELETE of a finished job.',
} as const satisfies Record<string, string>;

export type WarningCode = keyof typeof WARNINGS;
