import type { Limits } from './limits.ts';

/** Part of the time left after which a file is asked for that was to wait for longer. */
const PART = 4 / 5;
/** Shortest such wait, in first backoffs: a server that wants no requests gets a few more of them, and no storm at the end. */
const WORTH_IT = 30;

/**
 * As much of the milliseconds that a server wants a file to wait as ends before its files do: behind that nobody could have
 * it.
 *
 * @param end of the files, milliseconds since the epoch; undefined when nobody says it
 */
export function beforeEnd(
  asked: number | undefined,
  { now, end }: { now: number; end: number | undefined },
  { backoffFloor }: Pick<Limits, 'backoffFloor'>,
): number | undefined {
  if (asked === undefined || end === undefined || now + asked < end) return asked;
  const wait = Math.round((end - now) * PART);
  return wait < WORTH_IT * backoffFloor ? asked : wait;
}
