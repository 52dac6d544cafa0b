/**
 * Clocks of servers as their `Date` headers tell them: an assertion that our clock would make invalid is made by theirs.
 */
export class ServerClocks {
  readonly #offsets = new Map<string, number>();

  /** Notes what a server's clock said; `Date` has whole seconds. */
  note(origin: string, date: string | undefined, now = Date.now()): void {
    const theirs = date === undefined ? Number.NaN : Date.parse(date);
    if (Number.isFinite(theirs)) this.#offsets.set(origin, theirs + 500 - now);
  }

  /** Milliseconds by which the server's clock is ahead of ours; 0 while it is not known. */
  offset(origin: string): number {
    return this.#offsets.get(origin) ?? 0;
  }

  /** The server's time, milliseconds since the epoch. */
  now(origin: string): number {
    return Date.now() + this.offset(origin);
  }
}
