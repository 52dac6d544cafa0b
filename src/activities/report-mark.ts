import type { ExportReport, Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
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

/** Warnings that say that data may be missing, or that the server's time is in doubt. */
const LACKS: readonly ((warning: Warning) => boolean)[] = [
  ({ code }) => code === 'ScopeNarrower',
  ({ code }) => code === 'AttachmentsMissing',
  ({ code, message }) => code === 'PagesDisagree' && message.startsWith('transactionTime'),
];

/**
 * What a report says for the export that follows.
 *
 * @param asked undefined when an older version asks
 */
export function reportMark(
  { transactionTime, earliestTime, hasIssues, warnings, begunAt }: Outcome,
  asked: AskedSince | undefined,
): { fields: Pick<ExportReport, 'since' | 'requestHash' | 'mark'>; warnings: Warning[] } {
  if (asked === undefined) return { fields: {}, warnings: [] };
  const { since, requestHash, onIssues, completeAt, timeIsEnd } = asked;
  const fields = { ...(since === undefined ? {} : { since }), requestHash };
  if (onIssues === undefined) return { fields, warnings: [] };
  const found = warnings.filter((one) => LACKS.some((says) => says(one))).map(({ code }) => code);
  const missing =
    onIssues === 'advance' ? [] : [...(hasIssues ? ['the server reports issues'] : []), ...new Set(found)];
  const notAfter = timeIsEnd === true ? (begunAt ?? null) : undefined;
  // Whatever an operator lets go of, the data of one page may be older than that of another.
  const time = onIssues === 'advance' ? (earliestTime ?? transactionTime) : transactionTime;
  const { mark, reset, held } = nextMark({ since, transactionTime: time, completeAt, missing, notAfter });
  const added: Warning[] = [];
  if (reset !== undefined) added.push({ code: 'MarkReset', message: `${WARNINGS.MarkReset} (${reset})` });
  if (held !== undefined) added.push({ code: 'MarkHeld', message: `${WARNINGS.MarkHeld} (${held})` });
  return { fields: { ...fields, mark }, warnings: added };
}
