import type { ExportReport } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { CHUNK } from '../policy/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson } from './json-document.ts';
import { FILES, entriesFile } from './layout.ts';

/** `.export/pages/NNNNN.json`: a manifest page that is stored as received beside it. */
export interface PageMeta {
  url: string;
  /** Absolute address of the next page. */
  next?: string;
  transactionTime: string;
  requiresAccessToken: boolean;
  organizedBy?: string;
  manifestType?: string;
  /** How many it names; absent in what earlier versions have stored. */
  files?: number;
  /** `Expires` of the answer: ISO 8601. */
  expires?: string;
  /** When it was read: milliseconds since the epoch, and how far the clock of the server is ahead of that. */
  readAt?: number;
  ahead?: number;
}

/** `.export/entries/summary.json`: the manifest in short. */
export interface ManifestSummary {
  pages: number;
  entries: number;
  transactionTime: string;
  /** Some files require the access token. */
  requiresAccessToken: boolean;
  organizedBy?: string;
  expires?: string;
  /** When the last page was read, and when the first link ends by its own words: milliseconds since the epoch. */
  readAt?: number;
  linksEnd?: number;
  /** Bytes of all files, when the manifest gives every one's. */
  knownBytes?: number;
}

export const chunkOf = (ordinal: number): number => Math.floor(ordinal / CHUNK);

export async function readSummary(folder: Folder): Promise<ManifestSummary> {
  const summary = await readJson<ManifestSummary>(folder, FILES.summary);
  if (summary === undefined)
    throw new ExportError('DestinationFailed', `${folder.location}/${FILES.summary} is missing`);
  return summary;
}

/** Entries of one chunk, by rising ordinal. */
export async function readEntries(folder: Folder, chunk: number): Promise<Entry[]> {
  return (await readJson<Entry[]>(folder, entriesFile(chunk))) ?? [];
}

/**
 * The entries from one ordinal to another, not included, as far as they are in one chunk.
 *
 * @throws ExportError `DestinationFailed` when one is missing: somebody removed or changed the file
 */
export async function entriesFrom(folder: Folder, from: number, end: number): Promise<Entry[]> {
  const chunk = chunkOf(from);
  const to = Math.min(end, (chunk + 1) * CHUNK);
  const entries = (await readEntries(folder, chunk)).filter(({ ordinal }) => ordinal >= from && ordinal < to);
  if (entries.length !== to - from || entries.some(({ ordinal }, place) => ordinal !== from + place)) {
    throw new ExportError(
      'DestinationFailed',
      `${folder.location}/${entriesFile(chunk)} does not list files ${from + 1} to ${to} of the manifest any more`,
    );
  }
  return entries;
}

/** A report that has been stored before `manifest.json` was published. */
export async function readReport(folder: Folder): Promise<ExportReport | undefined> {
  return readJson<ExportReport>(folder, FILES.report);
}
