/** The closed table of failure codes: what each means and what the operator does next. */
export const FAILURES = {
  InvalidRequest: {
    meaning: 'The request is wrong; the message names every wrong field and its fix.',
    next: 'Correct the request and start again.',
  },
  NotAllowed: {
    meaning:
      'The configuration does not allow this request to this server (`allow`), or the server sends types that are not allowed: none of their files was downloaded, and its job was deleted.',
    next: 'Ask for less, as the message says; or have the operator of the workers extend `allow`.',
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
    next: 'Change the request as the server says. `prefer: ["handling=lenient"]` lets most servers ignore what they do not support.',
  },
  KickOffUnknown: {
    meaning: 'The kick-off was sent twice and neither answer arrived: a job may be running on the server.',
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
    meaning:
      'The job ended on the server before all files were downloaded, or its manifest now lists other files, or some that cannot be told apart: two of those that came are equal.',
    next: 'Start again with the same request and path: a fresh export is kicked off.',
  },
  InvalidManifest: {
    meaning: 'The server says that the export is complete but sends no usable manifest. Its job is kept.',
    next: 'Look at `.export/` at the destination. To ask once more, start again with the same request and path.',
  },
  ServerUnavailable: {
    meaning: 'The FHIR server did not answer, or answered 429 or 5xx, for 24 hours. Its job is kept.',
    next: 'When the server is reachable again, start again with the same request and path: the export resumes with the same job.',
  },
  AuthorizationFailed: {
    meaning: 'The FHIR server, or the proxy before it, refuses the worker’s credentials.',
    next: 'Check the server’s `auth` entry and its registration with the FHIR server, or what the message names.',
  },
  IncompleteExport: {
    meaning:
      'Some files could not be downloaded completely. The complete ones stay; `.export/missing.json` lists the others.',
    next: 'Start again with the same request and path: only the missing files are downloaded. If the server no longer has them, all files are downloaded from a fresh export.',
  },
  DestinationNotEmpty: {
    meaning:
      'The folder holds something else, a finished export or a running one; or another export is above or below it.',
    next: 'Follow the message, choose another path, or leave `destination.path` out.',
  },
  DestinationFailed: {
    meaning: 'The destination cannot be written or read, or this worker sees a different folder from the first one.',
    next: 'Fix what the message names (space, permissions, mount), then start again with the same request and path.',
  },
  AuditFailed: {
    meaning:
      'The start of the export could not be recorded in the audit trail for an hour. Nothing was asked of the server.',
    next: 'Fix `audit.destination` as the message says, then start again.',
  },
  DeadlineExceeded: {
    meaning: 'The export took longer than its deadline (default 30 days); the server’s job was deleted.',
    next: 'Narrow the request, or give a longer `deadline`.',
  },
} as const satisfies Record<string, { meaning: string; next: string }>;

export type FailureCode = keyof typeof FAILURES;

/** The closed list of phases of an export. */
export const PHASES = [
  'starting',
  'new-members',
  'queued',
  'kick-off',
  'waiting',
  'downloading',
  'needs-attention',
  'settling',
  'cleaning-up',
  'complete',
  'cancelled',
  'failed',
] as const;
export type ExportPhase = (typeof PHASES)[number];

/**
 * The first of a failure's `details`, except with `InvalidRequest`: where the export is and how far it was. Fields are
 * absent while nothing is known of them.
 */
export interface FailureDetails {
  /** The phase in which the export failed. */
  phase: ExportPhase;
  location?: string | undefined;
  transactionTime?: string | undefined;
  /** The `_since` of the export: that of a request which continues an incremental one by hand. */
  since?: string | undefined;
  files?: { total: number; done: number; failed: number } | undefined;
  /** Of `IncompleteExport`: files that are not there. */
  missing?: number | undefined;
  /** After `finishIncomplete`: the manifest of the files that are there, below `location`, and why. */
  partialManifest?: string | undefined;
  reason?: string | undefined;
}

/** The closed table of warning codes of an `ExportReport`. */
export const WARNINGS = {
  PossibleOrphanJob:
    'The kick-off was sent again because the answer to an earlier one was lost or did not say whether it started a job; a second job may be running on the server.',
  JobRestarted: 'The earlier job of this folder was gone, so the export was kicked off again from the start.',
  TypeWithoutFile: 'A requested resource type has no file: it has no data, or the server may have withheld it.',
  NothingExported:
    'The export contains no resources: the group may be empty, nothing may match or have changed, or this client may not be allowed to see any.',
  ParameterIgnored:
    'A parameter was ignored, as the server says or its files show, or left out, because it does not work there (docs/servers.md).',
  DeletionsNotReported:
    'The server does not report what was deleted since `_since`: your copy may hold resources that it no longer has.',
  DeletionsUnnamed:
    'Entries of deleted files name no resource: they are in deleted/ only, and a copy that follows deletions.ndjson keeps what they deleted.',
  NewPatientsInPart:
    'With `_since`, the server sends only new data of patients who came since then: their earlier data is missing.',
  NewMembersUnknown:
    'Which members the group has gained is not known; unless all data is exported anyway, an additional export brings all data of the group.',
  NewMembersMissing:
    'The additional export of new members has failed, or data may be missing in it: the next export brings them again.',
  MarkReset:
    'The mark of earlier exports does not count any more: all data is exported in place of what has changed since. Let it replace your copy: deletions are not listed.',
  MarkHeld: 'The mark stays where it was: the next export brings again what may be missing in this one.',
  ScopeNarrower: 'The token covers less than the request; data of some types may be missing.',
  PagesDisagree: 'Pages of the manifest differ in a field that must be equal; the value of the first page was used.',
  FilesListedTwice:
    'The manifest lists files twice, by the same URL, whatever its signature. They are stored as often as they are listed, so resources may occur twice.',
  FilesSmaller:
    'Files have fewer bytes than the manifest says (fileSize, a hint), and pass all other checks: ask the server’s operators whether something is missing in them.',
  NoTransactionTime: 'The manifest has no usable transactionTime, so no incremental export can follow this one.',
  UnknownManifestType: 'The manifest says that it is something other than a bulk export manifest.',
  SpaceMayBeShort:
    'By the sizes in the manifest, the destination has too little free space; the export continues and may fail.',
  LinksExpireSoon:
    'At the current pace the links to files expire before all files are downloaded; they are renewed if the server supports it.',
  AttachmentsMissing:
    'Attachments could not be downloaded; attachments/index.ndjson lists each with its reason. The resources that name them are complete.',
  AuditIncomplete: 'The end of this export could not be recorded in the audit trail.',
  TracesLeft:
    'Parts of files, or what was kept of links, could not be removed from `.export/`: they may hold signatures.',
  DeleteFailed: 'The server did not accept the DELETE of the job; its files stay there until they expire.',
  DeleteUnsupported: 'The server does not support DELETE of a finished job.',
} as const satisfies Record<string, string>;

export type WarningCode = keyof typeof WARNINGS;

/**
 * A failure of the closed table. Final: trying again would not help. Its message must be fit for history: no secret,
 * no query of a URL, no content of a resource.
 */
export class ExportError extends Error {
  override readonly name = 'ExportError';
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * `AuthorizationFailed`, unless the worker has had a token before: then the cause may be temporary, and the step is tried
 * again. Thrown when the answer does not come from the token endpoint itself (another address, a proxy, a firewall, a
 * maintenance page), or when a secret is missing, because somebody may be replacing it.
 */
export class PerhapsPassingError extends ExportError {
  constructor(message: string, options?: ErrorOptions) {
    super('AuthorizationFailed', message, options);
  }
}

/**
 * A file or variable that this worker needs before it can send anything cannot be read. Other workers may still be able
 * to: perhaps only this one has a wrong mount.
 */
export class UnreadableHereError extends PerhapsPassingError {}
