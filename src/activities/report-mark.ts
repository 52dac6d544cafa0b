import type { ExportReport, NewMembers, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { lacksOf } from '../policy/lacks.ts';
import { nextMark } from '../policy/mark.ts';

/** What an export has asked for, as far as the one after it is concerned. */
export interface AskedSince {
  since?: string | undefined;
  requestHash: string;
  /** Of incremental exports only. */
  onIssues?: 'hold' | 'advance' | undefined;
  /** When the manifest was seen to be complete: milliseconds since the epoch. */
  completeAt?: number | undefined;
  /** The server's `transactionTime` may be the end of the job. */
  timeIsEnd?: true | undefined;
  /** With `newMembers` only. */
  newMembers?: NewMembers | undefined;
}

/** How an export came out. */
interface Outcome {
  transactionTime: string;
  /** Of all pages of the manifest, where one of them has an earlier time. */
  earliestTime: string | undefined;
  hasIssues: boolean;
  warnings: readonly Warning[];
  /** The server's own time before it was asked for the job; undefined when that is not known. */
  begunAt: string | undefined;
}

/**
 * What a report says for the export that follows.
 *
 * @param asked undefined when an older version asks
 */
export function reportMark(
  { transactionTime, earliestTime, hasIssues, warnings, begunAt }: Outcome,
  asked: AskedSince | undefined,
): { fields: Pick<ExportReport, 'since' | 'requestHash' | 'mark' | 'newMembers'>; warnings: Warning[] } {
  if (asked === undefined) return { fields: {}, warnings: [] };
  const { since, requestHash, onIssues, completeAt, timeIsEnd, newMembers } = asked;
  const fields = { ...(since === undefined ? {} : { since }), requestHash };
  if (onIssues === undefined) return { fields, warnings: [] };
  const missing = onIssues === 'advance' ? [] : lacksOf({ hasIssues, warnings });
  const notAfter = timeIsEnd === true ? (begunAt ?? null) : undefined;
  // Whatever an operator lets go of, the data of one page may be older than that of another.
  const time = onIssues === 'advance' ? (earliestTime ?? transactionTime) : transactionTime;
  const { mark, reset, held } = nextMark({ since, transactionTime: time, completeAt, missing, notAfter });
  const added: Warning[] = [];
  if (reset !== undefined) added.push({ code: 'MarkReset', message: `${WARNINGS.MarkReset} (${reset})` });
  if (held !== undefined) added.push({ code: 'MarkHeld', message: `${WARNINGS.MarkHeld} (${held})` });
  return { fields: { ...fields, mark, ...(newMembers === undefined ? {} : { newMembers }) }, warnings: added };
}
