import { randomUUID } from 'node:crypto';
import { ExportError } from '../errors.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson } from './json-document.ts';
import { FILES } from './layout.ts';

/** The chain of runs to which an export's folder belongs. */
export interface Owner {
  workflowId: string;
  firstRunId: string;
  /** The run that took the folder. */
  runId: string;
}

/** `.export/export.json`: whose folder this is. */
export interface ExportMark {
  format: 1;
  mark: string;
  requestHash: string;
  /** The same without `_since`; absent in folders of earlier versions. */
  seriesHash?: string;
  /** Its `_since`; absent for all data. */
  since?: string;
  /** Base URL of the FHIR server, whose name may come to mean another one; absent in folders of earlier versions. */
  baseUrl?: string;
  /** `runId` is absent in folders of earlier versions. */
  owner: Owner;
  createdAt: string;
  /** The folder held an earlier run of the same request, which is continued. */
  adopted?: true;
}

export function newMark(
  owner: Owner,
  asked: Pick<ExportMark, 'requestHash' | 'seriesHash' | 'since' | 'baseUrl'>,
): ExportMark {
  // Random: workers that see different folders under one path must not find the same mark in both.
  return { format: 1, mark: randomUUID(), ...asked, owner, createdAt: new Date().toISOString() };
}

export function readMark(folder: Folder): Promise<ExportMark | undefined> {
  return readJson<ExportMark>(folder, FILES.mark);
}

/** Why an attempt that woke up late may not change anything. */
export function takenOver(folder: Folder): ExportError {
  return new ExportError('DestinationFailed', `another run has taken over ${folder.location}`);
}
