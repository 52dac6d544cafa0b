import type { ExportReport, ExportRequest } from '../contract.ts';
import type { Folder } from '../storage/folder.ts';
import { exportFolders } from './export-folders.ts';
import { followOn } from './follow-on.ts';
import { readJson } from './json-document.ts';
import { FILES } from './layout.ts';
import type { ExportMark, Owner } from './owner-mark.ts';
import { readMark } from './owner-mark.ts';
import { hashRequest, hashSeries, withoutSince } from './request-hash.ts';

/** Folders that are looked into. */
const MOST_FOLDERS = 20_000;

/** What the folder of an export holds, seen by somebody who wants to export. */
export type FolderState =
  | { kind: 'free' }
  /** An export of this request that has not ended, or has failed: the same request continues it. */
  | { kind: 'unfinished'; owner: Owner }
  /** All files are there; its job may not be deleted yet. */
  | { kind: 'complete'; owner: Owner; report: ExportReport }
  /** Of another request, or of another server of the same name. */
  | { kind: 'taken' };

/**
 * Looks at a folder; nothing is changed.
 *
 * @param baseUrl of the FHIR server
 */
export async function folderState(folder: Folder, request: ExportRequest, baseUrl: string): Promise<FolderState> {
  const mark = await readMark(folder);
  if (mark === undefined) return { kind: 'free' };
  if (mark.requestHash !== hashRequest(request) || !(await isOfServer(mark, baseUrl, folder, '')))
    return { kind: 'taken' };
  const report = await readReport(folder, '');
  const { owner } = mark;
  return report === undefined ? { kind: 'unfinished', owner } : { kind: 'complete', owner, report };
}

/** A complete export. */
export interface EarlierExport {
  /** Below the destination. */
  path: string;
  /** Its `_since`; undefined: all data. */
  since: string | undefined;
  /** The run that made it, and may still have its job to delete. */
  owner: Owner;
  report: ExportReport;
  /** The `_since` of one that follows on it without a gap; undefined: none can. */
  next: string | undefined;
}

/** The FHIR server, as far as it says which exports follow on one another. */
export interface ServerOfExports {
  /** The name may have meant another one before. */
  baseUrl: string;
  timeIsEnd: boolean;
}

/**
 * All complete exports at a destination that asked for the same, but for `_since` and for where they are; the one of the
 * earliest transaction time first. Those without a transaction time are left out.
 *
 * @param root the destination itself
 * @throws ExportError when the destination cannot be read; Error when it holds too many folders
 */
export async function earlierExports(
  root: Folder,
  request: ExportRequest,
  { baseUrl, timeIsEnd }: ServerOfExports,
): Promise<EarlierExport[]> {
  const found: EarlierExport[] = [];
  const isSame = sameSeriesAs(request);
  for await (const path of exportFolders(root, { most: MOST_FOLDERS })) {
    const mark = await readJson<ExportMark>(root, `${path}/${FILES.mark}`);
    if (mark === undefined || !isSame(mark) || !(await isOfServer(mark, baseUrl, root, `${path}/`))) continue;
    const report = await readReport(root, `${path}/`);
    // One that names no instant says nothing of its time.
    if (report === undefined || Number.isNaN(Date.parse(report.transactionTime))) continue;
    const { since, owner } = mark;
    const next = await followOn(root, `${path}/`, { since, report, timeIsEnd });
    found.push({ path, since, owner, report, next });
  }
  return found.sort((a, b) => Date.parse(a.report.transactionTime) - Date.parse(b.report.transactionTime));
}

function sameSeriesAs(request: ExportRequest): (mark: ExportMark) => boolean {
  const series = hashSeries(request);
  // Earlier versions kept the hash of the whole request alone, which is the same for an export of all data.
  const whole = hashRequest(withoutSince(request));
  return ({ seriesHash, requestHash }) => (seriesHash === undefined ? requestHash === whole : seriesHash === series);
}

/** Earlier versions kept the server's URL in the manifest alone. */
async function isOfServer(
  { baseUrl: ours }: ExportMark,
  baseUrl: string,
  folder: Folder,
  at: string,
): Promise<boolean> {
  if (ours !== undefined) return ours === baseUrl;
  const manifest = await readJson<{ request?: unknown }>(folder, `${at}${FILES.manifest}`);
  return typeof manifest?.request !== 'string' || manifest.request.startsWith(baseUrl);
}

/** Of an export whose `manifest.json` is there. */
async function readReport(folder: Folder, at: string): Promise<ExportReport | undefined> {
  if ((await folder.size(`${at}${FILES.manifest}`)) === undefined) return undefined;
  return readJson<ExportReport>(folder, `${at}${FILES.report}`);
}
