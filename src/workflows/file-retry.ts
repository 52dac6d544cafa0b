import { patched } from '@temporalio/workflow';
import type { LaterFiles } from '../activities/download-files.ts';
import type { Trouble } from '../policy/trouble.ts';
import type { Limits } from '../policy/limits.ts';
import { nextDelay } from '../policy/next-delay.ts';
import { addTrouble } from '../policy/trouble.ts';

/** Files that were asked for and put off. */
export type PutOff = Exclude<LaterFiles, { cause: 'untried' }>;

/** The server wants fewer requests, or is unreachable. */
export function isBusy(later: LaterFiles): boolean {
  return isOutage(later) && later.busy === true;
}

/** Milliseconds that the server asked to wait. */
export function askedFor(later: LaterFiles): number | undefined {
  return later.cause === 'untried' || isOutage(later) ? later.retryAfter : undefined;
}

function isOutage(later: LaterFiles): later is Extract<LaterFiles, { cause: 'outage' | 'elsewhere' }> {
  return later.cause === 'outage' || later.cause === 'elsewhere';
}

/**
 * The trouble that a file is in after one more.
 *
 * @param cause what it is taken for: an outage past `Expires` is a reason to renew the link, and stays an outage
 * @param least bytes that count as progress
 */
export function troubleAfter(
  earlier: Trouble | undefined,
  later: PutOff,
  { cause, now, least }: { cause: PutOff['cause']; now: number; least: number },
): Trouble {
  if (patched('tries-are-kept')) {
    return addTrouble(earlier, later.cause, now, { reached: isOutage(later) ? (later.reached ?? 0) : 0, least });
  }
  // 0.1.0 took any fault after the first byte for progress, and then counted anew.
  const { progressed } = later as { progressed?: boolean };
  return earlier?.cause === cause && progressed !== true
    ? { cause, since: earlier.since, times: earlier.times + 1 }
    : { cause, since: now, times: 1 };
}

/**
 * Milliseconds after which a file is fetched again.
 *
 * @param askedFor milliseconds that the server asked to wait
 */
export function delayOfFile({ cause, times }: Trouble, askedFor: number | undefined, limits: Limits): number {
  const delay =
    cause === 'outage' || cause === 'elsewhere'
      ? nextDelay(askedFor, times - 1, limits, Math.random)
      : cause === 'token' && times === 1
        ? 0
        : limits.fileRetry * 5 ** (times - 1);
  return Math.min(delay, limits.fileWait);
}
