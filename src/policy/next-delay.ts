import type { Limits } from './limits.ts';

/** Answers in a row after which the time that the server names is no longer believed to be enough. */
const BELIEVED = 10;

/**
 * Milliseconds to wait: what the server asked for, else exponential backoff with jitter between the limits' floor and
 * ceiling. A server that names a second for hours is not asked every second: after some times it is the longer of both.
 *
 * @param times how many waits of one trouble in a row have gone before, from 0
 * @param random a number in [0, 1); in a workflow `Math.random`, which replays the same
 */
export function nextDelay(
  asked: number | undefined,
  times: number,
  limits: Pick<Limits, 'backoffFloor' | 'backoffCeiling'>,
  random: () => number,
): number {
  if (asked !== undefined && times < BELIEVED) return asked;
  const steps = asked === undefined ? times : times - BELIEVED;
  const full = Math.min(limits.backoffCeiling, limits.backoffFloor * 2 ** Math.min(steps, 30));
  // Half of it at random, so that clients that began together do not stay together; never below the floor.
  return Math.round(Math.max(asked ?? 0, limits.backoffFloor, full / 2 + (full / 2) * random()));
}
