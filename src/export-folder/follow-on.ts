import type { ExportReport } from '../contract.ts';
import { lacksOf } from '../policy/lacks.ts';
import { nextMark } from '../policy/mark.ts';
import type { Folder } from '../storage/folder.ts';
import type { Job } from './job-record.ts';
import { readJson } from './json-document.ts';
import { FILES, pageMetaFile } from './layout.ts';
import type { PageMeta } from './manifest-pages.ts';
import type { ManifestSummary } from './manifest-summary.ts';

/** What is known of an export that is complete. */
interface Complete {
  /** Its `_since`; undefined: all data. */
  since: string | undefined;
  report: Pick<ExportReport, 'status' | 'transactionTime'> & Partial<Pick<ExportReport, 'warnings'>>;
  /** The server's `transactionTime` may be the end of the job. */
  timeIsEnd: boolean;
}

/**
 * The `_since` with which another export follows on a complete one without a gap, by the same rules as the mark of a
 * schedule. Undefined where data may be missing in it, or its time is in doubt: nothing can follow on it.
 *
 * @param at path of its folder, empty or with a slash at the end
 */
export async function followOn(
  folder: Folder,
  at: string,
  { since, report, timeIsEnd }: Complete,
): Promise<string | undefined> {
  const { status, transactionTime, warnings = [] } = report;
  const { mark, held, reset } = nextMark({
    since,
    transactionTime,
    completeAt: await completeAt(folder, at),
    missing: lacksOf({ hasIssues: status !== 'complete', warnings }),
    notAfter: timeIsEnd ? ((await readJson<Job>(folder, `${at}${FILES.job}`))?.begunAt ?? null) : undefined,
  });
  return held === undefined && reset === undefined && mark !== null ? mark : undefined;
}

/**
 * When the last page of the manifest came: milliseconds since the epoch. Of folders of earlier versions, when the export was
 * over.
 */
async function completeAt(folder: Folder, at: string): Promise<number | undefined> {
  const { pages = 1 } = (await readJson<Partial<ManifestSummary>>(folder, `${at}${FILES.summary}`)) ?? {};
  // The list may be that of a late attempt, which has seen fewer pages.
  const last = (await lastPage(folder, at, pages)) ?? (await lastPage(folder, at, 1));
  return last?.readAt ?? folder.lastChange(`${at}${FILES.manifest}`);
}

/** @param from a page, which need not be there */
async function lastPage(folder: Folder, at: string, from: number): Promise<PageMeta | undefined> {
  let last: PageMeta | undefined;
  for (let page = from; ; page++) {
    const meta = await readJson<PageMeta>(folder, `${at}${pageMetaFile(page, FILES.pages)}`);
    if (meta === undefined) return last;
    last = meta;
  }
}
