import { patched } from '@temporalio/workflow';
import type { Limits } from '../policy/limits.ts';
import type { Trouble, TroubleCause } from '../policy/trouble.ts';
import { nextDelay } from '../policy/next-delay.ts';
import { addTrouble, addTroubleOfStep, isFinal } from '../policy/trouble.ts';

/** Why a step could not be done yet. */
export interface Setback {
  cause: TroubleCause;
  /** Milliseconds that the server asked to wait. */
  retryAfter?: number | undefined;
}

/** What follows from a setback: another try at a time (milliseconds since the epoch), or no more. */
export type NextTry = { kind: 'again'; trouble: Trouble; at: number } | { kind: 'final'; trouble: Trouble };

/**
 * The one rule for every step that is tried again: how long a trouble may last, and how long to wait.
 *
 * @param earlier trouble of this step so far
 * @param clock by which it is counted how long it lasts: milliseconds, without pauses. Default: now
 */
export function nextTry(
  earlier: Trouble | undefined,
  { cause, retryAfter }: Setback,
  limits: Limits,
  clock: number = Date.now(),
): NextTry {
  const isOther = earlier !== undefined && earlier.cause !== cause;
  const goesOn = earlier?.interrupted !== undefined || (isOther && patched('interrupted-trouble-goes-on'));
  const trouble = (goesOn ? addTroubleOfStep : addTrouble)(earlier, cause, clock);
  // Said often in a few seconds: a page of maintenance, or of a gateway that is being set up, may stand there for a moment.
  const isHasty = cause === 'unusable' && clock - trouble.since < limits.unusable;
  if (isFinal(trouble, clock, limits) && !(isHasty && patched('unusable-answers-may-pass')))
    return { kind: 'final', trouble };
  return { kind: 'again', trouble, at: Date.now() + nextDelay(retryAfter, trouble.times - 1, limits, Math.random) };
}

/** Whole seconds until a time, for people. */
export function secondsUntil(time: number): number {
  return Math.max(0, Math.ceil((time - Date.now()) / 1000));
}
