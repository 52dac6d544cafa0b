import type { ExportReport } from '../contract.ts';
import { lacksOf } from '../policy/lacks.ts';
import { nextMark } from '../policy/mark.ts';
import type { Folder } from '../storage/folder.ts';
import type { Job } from './job-record.ts';
import { readJson } from './json-document.ts';
import { FILES } from './layout.ts';

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
    // A moment later than the manifest was seen to be complete.
    completeAt: await folder.lastChange(`${at}${FILES.manifest}`),
    missing: lacksOf({ hasIssues: status !== 'complete', warnings }),
    notAfter: timeIsEnd ? ((await readJson<Job>(folder, `${at}${FILES.job}`))?.begunAt ?? null) : undefined,
  });
  return held === undefined && reset === undefined && mark !== null ? mark : undefined;
}
