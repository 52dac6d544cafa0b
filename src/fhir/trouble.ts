import type { Limits } from './limits.ts';

/**
 * Why something could not be done yet.
 * - `outage`: 408, 425, 429, 5xx, network
 * - `elsewhere`: an attachment on another server than the FHIR server, which is away or busy
 * - `gone`: 404 on the status URL
 * - `unusable`: 200 on the status URL without a manifest
 * - `content`: a file that is not what was promised
 * - `link`: 401, 403, 404 or 410 on a file
 * - `token`: a file refused the token that was sent
 * - `tokenEndpoint`: 429, 5xx or network at the token endpoint
 */
export type TroubleCause =
  'outage' | 'elsewhere' | 'gone' | 'unusable' | 'content' | 'link' | 'token' | 'tokenEndpoint';

/** Trouble that lasts: since when (milliseconds since the epoch) and how many times in a row. */
export interface Trouble {
  cause: TroubleCause;
  since: number;
  times: number;
}

/** Adds one more failure; another cause starts a new count. */
export function addTrouble(earlier: Trouble | undefined, cause: TroubleCause, now: number): Trouble {
  if (earlier?.cause !== cause) return { cause, since: now, times: 1 };
  return { cause, since: earlier.since, times: earlier.times + 1 };
}

/** Whether the trouble has lasted so long, or happened so often, that it is final. */
export function isFinal(trouble: Trouble, now: number, limits: Limits): boolean {
  const lasted = now - trouble.since;
  switch (trouble.cause) {
    case 'outage':
      return lasted >= limits.outage;
    case 'elsewhere':
      return lasted >= limits.elsewhere;
    case 'tokenEndpoint':
      return lasted >= limits.tokenEndpoint;
    case 'gone':
      return lasted >= limits.gone;
    case 'unusable':
      return trouble.times >= limits.unusableTries || lasted >= limits.unusable;
    case 'content':
    case 'link':
    case 'token':
      return trouble.times >= limits.fileTries || lasted >= limits.file;
  }
}

/**
 * Milliseconds to wait: what the server asked for, else exponential backoff with jitter between the limits' floor and
 * ceiling.
 *
 * @param times how many waits in a row have gone before without the server's word, from 0
 * @param random a number in [0, 1); in a workflow `Math.random`, which replays the same
 */
export function nextDelay(
  asked: number | undefined,
  times: number,
  limits: Pick<Limits, 'backoffFloor' | 'backoffCeiling'>,
  random: () => number,
): number {
  if (asked !== undefined) return asked;
  const full = Math.min(limits.backoffCeiling, limits.backoffFloor * 2 ** Math.min(times, 30));
  // Half of it at random, so that clients that began together do not stay together; never below the floor.
  return Math.round(Math.max(limits.backoffFloor, full / 2 + (full / 2) * random()));
}
