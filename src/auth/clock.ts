import { parseMoment } from '../fhir/retry-after.ts';

/** By whose clock a time is told. */
export type Clock = 'ours' | 'theirs';

/** Milliseconds; `Date` has whole seconds, and what is made by our clock is five seconds old. */
const TOLERATED = 4000;

/**
 * Clocks of servers as their `Date` headers tell them: an assertion that our clock would make invalid is made by theirs.
 * What stands before a token endpoint writes `Date`, too, and by a clock of its own; so each of the two may be wrong.
 */
export class ServerClocks {
  readonly #offsets = new Map<string, number>();
  /** Origins that refused what was made by their clock, and took what was made by ours. */
  readonly #wrong = new Set<string>();

  /** Notes what a server's clock said; `Date` has whole seconds. */
  note(origin: string, date: string | undefined, now = Date.now()): void {
    const theirs = date === undefined ? Number.NaN : parseMoment(date.trim());
    if (Number.isFinite(theirs)) this.#offsets.set(origin, theirs + 500 - now);
  }

  /** Milliseconds by which the server's clock is ahead of ours; 0 while it is not known. */
  offset(origin: string): number {
    return this.#offsets.get(origin) ?? 0;
  }

  /** The clock to begin with: theirs as soon as it is known, unless it has been found to be wrong. */
  chosen(origin: string): Clock {
    return this.#offsets.has(origin) && !this.#wrong.has(origin) ? 'theirs' : 'ours';
  }

  /** Whether it matters which of the two is used: proofs are allowed to be a little early or late. */
  differ(origin: string): boolean {
    return Math.abs(this.offset(origin)) > TOLERATED;
  }

  /** The server took what was made by this clock, and had refused the other. */
  choose(origin: string, clock: Clock): void {
    if (clock === 'ours') this.#wrong.add(origin);
    else this.#wrong.delete(origin);
  }

  /** Milliseconds since the epoch by a clock. */
  now(origin: string, clock: Clock): number {
    return Date.now() + (clock === 'theirs' ? this.offset(origin) : 0);
  }
}
