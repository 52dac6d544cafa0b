/** Milliseconds for which the others wait for the answer to the one that asks first after that. */
const PROBE = 60_000;

/**
 * When a server may be asked for files again, by one worker, whatever the export. Times are milliseconds since the epoch.
 */
export class Busy {
  #until = 0;
  /** It asked for more time than all files wait: when that is over, one of them asks first. */
  #probe = false;
  /** The latest wish of an operator that has been heard. */
  #wokenAt = 0;
  readonly #longest: number;

  /** @param longest that all files wait because one answer said so, in milliseconds: it may be a slip of the server */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /**
   * How long the next file has to wait, in milliseconds; 0 when it is to be asked for.
   *
   * @param wokenAt when an operator last wanted the export to go on; what the server asked for before does not hold then
   */
  wait(now: number, wokenAt = 0): number {
    if (wokenAt > this.#wokenAt) {
      this.#wokenAt = wokenAt;
      this.#until = 0;
    }
    if (this.#until > now) return this.#until - now;
    if (this.#probe) this.#until = now + Math.min(PROBE, this.#longest);
    return 0;
  }

  /**
   * The server wants no further requests.
   *
   * @param asked milliseconds
   */
  hold(now: number, asked: number, wokenAt = 0): void {
    this.#until = now + Math.min(this.#longest, asked);
    this.#probe = asked > this.#longest;
    // An answer that came after the wish holds.
    this.#wokenAt = Math.max(this.#wokenAt, wokenAt);
  }

  /** The server has answered otherwise. */
  clear(): void {
    if (this.#probe) this.#until = 0;
    this.#probe = false;
  }
}
