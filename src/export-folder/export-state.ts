import type { ExportReport, Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { ExportCapability } from '../fhir/capability.ts';
import { CHUNK } from '../policy/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import { openDestination } from '../storage/destinations.ts';
import type { Folder } from '../storage/folder.ts';
import type { ActivityDeps, Owner } from '../activities/deps.ts';

/** Where an export is; every activity is given it. */
export interface ExportRef {
  /** Entries of the configuration. */
  server: string;
  destination: string;
  path: string;
  /** Random text in `.export/export.json`, by which a worker knows that it sees the same folder. */
  mark: string;
  /** Number of the job, whose records and files alone an activity may write; absent in histories of earlier versions. */
  generation?: number;
}

/** `.export/export.json`: whose folder this is. */
export interface ExportMark {
  format: 1;
  mark: string;
  requestHash: string;
  /** `runId` is absent in folders of earlier versions. */
  owner: Owner;
  createdAt: string;
  /** The folder held an earlier run of the same request, which is continued. */
  adopted?: true;
}

/** `.export/job.json`: the export on the FHIR server. */
export interface Job {
  /** Counts the jobs of this folder, from 1: another one is started only when the last is gone. */
  generation: number;
  /** Files of an earlier generation are being removed. */
  clearing?: true;
  /** Kick-offs sent whose answer is not known. */
  unanswered: number;
  /** Kick-offs of this generation that were ever intended, each by a file of its own. */
  intents?: number;
  statusUrl?: string;
  /** URL of the latest kick-off as sent, for `manifest.json`; absent in folders of earlier versions. */
  request?: string;
  /** What the server declares; empty when it declares nothing usable. */
  capability?: Partial<ExportCapability>;
  separateStatus: boolean;
  partial: boolean;
  /** The job was deleted by us, or found gone at that. */
  deleted?: true;
  /** It was of another request, of which nothing is left. */
  ofAnother?: true;
  warnings: Warning[];
}

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

/** File names below the export's folder. */
export const FILES = {
  mark: '.export/export.json',
  takenOver: '.export/taken-over',
  job: '.export/job.json',
  intents: '.export/kick-offs',
  pages: '.export/pages',
  reading: '.export/reading',
  entries: '.export/entries',
  summary: '.export/entries/summary.json',
  receipts: '.export/receipts',
  troubles: '.export/troubles',
  missing: '.export/missing.json',
  found: '.export/attachments',
  attachments: 'attachments/index.ndjson',
  report: '.export/report.json',
  manifest: 'manifest.json',
  errorSummary: 'error/summary.json',
} as const;

/** Where manifest pages are: as they came first, or as a later reading of the manifest brings them. */
export type PagesFolder = typeof FILES.pages | typeof FILES.reading;

export const pageFile = (page: number, where: PagesFolder = FILES.pages): string =>
  `${where}/${number5(page)}.body.json`;
export const pageMetaFile = (page: number, where: PagesFolder = FILES.pages): string =>
  `${where}/${number5(page)}.json`;
export const entriesFile = (chunk: number): string => `${FILES.entries}/${number5(chunk)}.json`;
export const renewedFile = (chunk: number): string => `${FILES.reading}/entries.${number5(chunk)}.json`;
export const foundFile = (ordinal: number): string => `${FILES.found}/${number5(ordinal)}.ndjson`;
export const troubleFile = (ordinal: number): string => `${FILES.troubles}/${ordinal}.txt`;
export const intentFile = (generation: number, intent: number): string => `${FILES.intents}/${generation}.${intent}`;
export const takenOverFile = (mark: string): string => `${FILES.takenOver}/${mark}.json`;
export const chunkOf = (ordinal: number): number => Math.floor(ordinal / CHUNK);

export function number5(number: number): string {
  return String(number).padStart(5, '0');
}

/**
 * Opens the folder of a running export and makes sure that this worker sees the one in which it began. Whatever is
 * written, published or removed there later is preceded by a check that it still is this run's and this job's.
 *
 * @param options.starting the job is about to be started, or may never have been
 * @throws ExportError `DestinationFailed`
 */
export async function openExportFolder(
  deps: ActivityDeps,
  ref: ExportRef,
  options = { starting: false },
): Promise<Folder> {
  const folder = await openDestination(deps.config, ref.destination, ref.path);
  const mark = await readJson<ExportMark>(folder, FILES.mark);
  if (mark?.mark !== ref.mark) {
    throw new ExportError(
      'DestinationFailed',
      `this worker does not see the folder in which the export began: ${folder.location}. All workers must share it; or another run has taken the folder over`,
    );
  }
  // As it was when the attempt began, where an earlier version does not say it.
  const generation = ref.generation ?? (await readJson<Job>(folder, FILES.job))?.generation;
  return folder.guardedBy(checkOwner(folder, generation === undefined ? ref : { ...ref, generation }, options));
}

/**
 * Makes the check that a folder still is this run's and its job still the one that the activity is about: an attempt that
 * was frozen, or hung in a file system that was away, may wake up when another run or another job has its files there.
 * Nothing is remembered from one look to the next, which costs two small reads beside each durable write.
 *
 * @param starting this job is about to be started: the one that is recorded may be an earlier one, or none
 */
function checkOwner(
  folder: Folder,
  { mark, generation }: ExportRef,
  { starting }: { starting: boolean },
): () => Promise<void> {
  return async () => {
    const [job, found] = await Promise.all([
      readJson<Job>(folder, FILES.job),
      readJson<ExportMark>(folder, FILES.mark),
    ]);
    const isOurs = found?.mark === mark && isJob(job?.generation, generation, starting);
    if (!isOurs) throw new ExportError('DestinationFailed', `another run has taken over ${folder.location}`);
  };
}

function isJob(found: number | undefined, wanted: number | undefined, starting: boolean): boolean {
  if (wanted === undefined) return true;
  return starting ? (found ?? 0) <= wanted : found === wanted;
}

/** @throws ExportError `DestinationFailed` when the export has no job: somebody removed the file. */
export async function readJob(folder: Folder): Promise<Job & { statusUrl: string }> {
  const job = await readJson<Job>(folder, FILES.job);
  if (job?.statusUrl === undefined) {
    throw new ExportError(
      'DestinationFailed',
      `${folder.location}/${FILES.job} does not hold the export's job any more`,
    );
  }
  return { ...job, statusUrl: job.statusUrl };
}

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

/**
 * Content of a document; undefined when there is none.
 *
 * @throws ExportError `DestinationFailed` when it is damaged: documents are written whole or not at all
 */
export async function readJson<T>(folder: Folder, name: string): Promise<T | undefined> {
  const content = await folder.read(name);
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content.toString('utf8')) as T;
  } catch {
    // In no words of the parser, which quotes what it read: there are signed links in these documents.
    throw new ExportError('DestinationFailed', `${folder.location}/${name} is damaged: it is not JSON`);
  }
}

export async function writeJson(folder: Folder, name: string, value: unknown): Promise<void> {
  await folder.write(name, `${JSON.stringify(value, null, 1)}\n`);
}
