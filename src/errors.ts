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

/** The closed table of warning codes of an `ExportReport`. */
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
