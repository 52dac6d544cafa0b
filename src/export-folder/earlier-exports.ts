import type { ExportReport, ExportRequest } from '../contract.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson } from './json-document.ts';
import { FILES, STATE_FOLDER } from './layout.ts';
import type { ExportMark } from './owner-mark.ts';
import { readMark } from './owner-mark.ts';
import { hashRequest, hashSeries, withoutSince } from './request-hash.ts';

/** Folders that are looked into; a destination may hold much else. */
const MOST_FOLDERS = 20_000;
/** Names between the destination and the folder of an export. */
const DEEPEST = 6;

/** What the folder of an export holds, seen by somebody who wants to export. */
export type FolderState =
  | { kind: 'free' }
  /** An export of this request that has not ended, or has failed: the same request continues it. */
  | { kind: 'unfinished' }
  | { kind: 'complete'; report: ExportReport }
  /** Of another request. */
  | { kind: 'taken' };

/** Looks at a folder; nothing is changed. */
export async function folderState(folder: Folder, request: ExportRequest): Promise<FolderState> {
  const mark = await readMark(folder);
  if (mark === undefined) return { kind: 'free' };
  if (mark.requestHash !== hashRequest(request)) return { kind: 'taken' };
  const report = await readReport(folder, '');
  return report === undefined ? { kind: 'unfinished' } : { kind: 'complete', report };
}

/** A complete export. */
export interface EarlierExport {
  /** Below the destination. */
  path: string;
  /** Its `_since`; undefined: all data. */
  since: string | undefined;
  report: ExportReport;
}

/**
 * All complete exports at a destination that asked for the same, but for `_since` and for where they are; the one of the
 * earliest transaction time first. Those without a transaction time are left out.
 *
 * @param root the destination itself
 */
export async function earlierExports(root: Folder, request: ExportRequest): Promise<EarlierExport[]> {
  const found: EarlierExport[] = [];
  const isSame = sameSeriesAs(request);
  for await (const path of exportFolders(root)) {
    const mark = await readJson<ExportMark>(root, `${path}/${FILES.mark}`);
    if (mark === undefined || !isSame(mark)) continue;
    const report = await readReport(root, `${path}/`);
    // One that names no instant says nothing of its time.
    if (report !== undefined && !Number.isNaN(Date.parse(report.transactionTime)))
      found.push({ path, since: mark.since, report });
  }
  return found.sort((a, b) => Date.parse(a.report.transactionTime) - Date.parse(b.report.transactionTime));
}

function sameSeriesAs(request: ExportRequest): (mark: ExportMark) => boolean {
  const series = hashSeries(request);
  // Earlier versions kept the hash of the whole request alone, which is the same for an export of all data.
  const whole = hashRequest(withoutSince(request));
  return ({ seriesHash, requestHash }) => (seriesHash === undefined ? requestHash === whole : seriesHash === series);
}

/** Paths of all folders that an export has taken. */
async function* exportFolders(root: Folder): AsyncGenerator<string> {
  const open = [''];
  for (let looked = 0; open.length > 0 && looked < MOST_FOLDERS; looked += 1) {
    const path = open.shift() as string;
    const names = await root.list(path).catch((): string[] => []);
    if (names.includes(STATE_FOLDER)) {
      if (path !== '') yield path;
      continue;
    }
    if (path.split('/').length >= DEEPEST) continue;
    // Files have an extension here, and folders that are named for a time may have one: those of data are left out.
    const folders = names.filter((name) => !/\.(nd)?json$/.test(name));
    open.push(...folders.map((name) => (path === '' ? name : `${path}/${name}`)));
  }
}

/** Of an export whose `manifest.json` is there. */
async function readReport(folder: Folder, at: string): Promise<ExportReport | undefined> {
  if ((await folder.size(`${at}${FILES.manifest}`)) === undefined) return undefined;
  return readJson<ExportReport>(folder, `${at}${FILES.report}`);
}
