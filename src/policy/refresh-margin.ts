const SHORTEST = 2000;
const LONGEST = 60_000;

/**
 * How long before its end a token is renewed, in milliseconds: a fifth of its life, but 2 s to one minute. SMART
 * recommends tokens of five minutes; some servers give seconds, some hours.
 *
 * @param lifetime milliseconds
 */
export function refreshMargin(lifetime: number): number {
  return Math.min(LONGEST, Math.max(SHORTEST, lifetime / 5));
}
