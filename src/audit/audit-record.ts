import type { ExportOutcome, ExportReport, ExportRequest } from '../contract.ts';

/** What is recorded of every event of an export; no content, no URL that the server has given. */
interface AuditedExport {
  workflowId: string;
  /** Of the run with which the export began. */
  runId: string;
  requestedBy?: string | undefined;
  purpose?: string | undefined;
  server: string;
  level: ExportRequest['level'];
  groupId?: string | undefined;
  operation?: ExportRequest['operation'];
  /** Path of the export that has found the members whose data it brings; `patient` of the parameters is who they are. */
  newMembersOf?: string | undefined;
  /** As asked for, with `patient`. */
  parameters: NonNullable<ExportRequest['parameters']>;
  attachments?: ExportRequest['attachments'];
  /** Where the files go. */
  location: string;
}

/** Fields of an end beside those of every event. */
export interface AuditedEnd {
  outcome: ExportOutcome;
  /** Of an export whose `manifest.json` has been published, also when it was cancelled afterwards. */
  report?: Pick<ExportReport, 'transactionTime' | 'files' | 'resources' | 'bytes' | 'byType'>;
  /** Of any other one that has begun to download: files that are whole at the destination, as far as the workflow knows. */
  stored?: Pick<ExportReport, 'files' | 'resources' | 'bytes' | 'byType'> & { transactionTime?: string };
  /** Hexadecimal, of its `manifest.json`; absent when an earlier version settled it. */
  manifestSha256?: string;
  /** The same of `manifest.partial.json`. */
  partialManifestSha256?: string;
}

/** The removal of an export's folder by retention. What was in it is in the records of its start and end. */
export interface AuditedRemoval {
  event: 'removal';
  workflowId: string;
  /** Of the run that took the folder. */
  runId: string;
  /** Who ran the command, as it was told. */
  requestedBy?: string | undefined;
  /** Of the destination: ISO 8601. */
  retention: string;
  /** The command's options `--all` and `--forgotten`. */
  all?: true | undefined;
  forgotten?: true | undefined;
  /** Of the FHIR server; absent in folders of earlier versions. */
  baseUrl?: string | undefined;
  destination: string;
  location: string;
  /** What it was; absent where an earlier version has begun to remove it. */
  state?: 'complete' | 'unfinished' | undefined;
  /** When the export had ended, or changed last: ISO 8601. */
  endedAt: string;
  /** When the removal was ordered, by the call that began it: ISO 8601. */
  orderedAt: string;
}

/** A record, except for its time and what only a worker finds out. */
export type AuditEvent = AuditedExport & ({ event: 'start' } | ({ event: 'end' } & AuditedEnd));
