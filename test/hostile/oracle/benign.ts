import type { Case, FileCase, Refusal } from '../case.ts';
import { waitOf } from '../server/send.ts';

const MINUTE = 60_000;

/** Statuses that say that something passes. */
const PASSING = new Set([202, 408, 425, 429, 500, 502, 503]);

/**
 * Whether the server does nothing that the standard does not allow, and no trouble lasts: then the export must succeed.
 * Cautious: what could be seen either way is not benign.
 *
 * @param limits milliseconds for which an outage is waited for; whether hours cost nothing
 */
export function isBenign(one: Case, { outage, skipsTime }: { outage: number; skipsTime: boolean }): boolean {
  return (
    one.interventions.cancelAt === undefined &&
    areBenign(one.kickOff, outage, 0) &&
    one.kickOff.every((answer) => 'kind' in answer || answer.status !== 202) &&
    areBenign(one.status, outage, 2) &&
    isTokenBenign(one) &&
    areLinksBenign(one, skipsTime) &&
    one.files.every((file) => isFileBenign(one, file, outage))
  );
}

function areBenign(answers: Case['status'], outage: number, mostBreaks: number): boolean {
  const refusals = answers.filter((answer): answer is Refusal => 'status' in answer);
  const breaks = answers.length - refusals.length;
  return (
    breaks <= mostBreaks &&
    refusals.every(
      ({ status, body }) => PASSING.has(status) && status !== 502 && body !== 'final' && body !== 'empty object',
    ) &&
    waitsAreShort(refusals, answers.length, outage)
  );
}

/** An outage is given up when its time has passed and it still is there. */
function waitsAreShort(refusals: readonly Refusal[], troubles: number, outage: number): boolean {
  const waits = refusals.map(({ retryAfter }) => (retryAfter === undefined ? 0 : (waitOf(retryAfter) ?? 0)));
  const total = waits.reduce((sum, wait) => sum + wait, 0);
  return total <= outage / 2 || (troubles === 1 && total <= 48 * 60 * MINUTE);
}

function isTokenBenign({ token }: Case): boolean {
  if (token === undefined) return true;
  const { refuses, troubles } = token;
  return (
    refuses !== 'all' &&
    troubles.every(({ status }) => PASSING.has(status)) &&
    waitsAreShort(troubles, troubles.length, 30 * MINUTE)
  );
}

function areLinksBenign({ links, files, slots, workers }: Case, skipsTime: boolean): boolean {
  if (links.lifetime === undefined) return true;
  // Whether a link of less than a second is used in time is up to the machine.
  if (!skipsTime) return false;
  const longest = Math.max(0, ...files.map(({ takes }) => takes));
  const isRenewed = links.renewal === 'signed anew' || (links.renewal === 'new addresses' && !links.reordered);
  return isRenewed && links.lifetime >= slots * workers * longest + MINUTE;
}

function isFileBenign(one: Case, file: FileCase, outage: number): boolean {
  const { kind, troubles } = file;
  const refusals = troubles.flatMap((trouble) => (trouble.kind === 'refuse' ? [trouble.refusal] : []));
  const breaks = troubles.length - refusals.length;
  const countIsFree = kind !== 'output' || one.organised;
  const ranges = breaks === 0 || file.ranges === 'honoured' || file.ranges === 'ignored';
  return (
    file.defect === undefined &&
    file.forever === undefined &&
    !file.unasked206 &&
    file.coding !== 'unknown' &&
    (file.length === 'right' || file.length === 'chunked') &&
    (file.count !== 'wrong' || countIsFree) &&
    refusals.every(({ status }) => PASSING.has(status) && status !== 202) &&
    waitsAreShort(refusals, troubles.length, outage) &&
    ranges &&
    (breaks === 0 || file.changes.length === 0 || file.ifRange === 'honoured')
  );
}
