/** Milliseconds for which all other files wait for the answer to the first one that asks again. */
const PROBE = 60_000;

/** When one worker may ask a server for files again, whatever the export. Times are milliseconds since the epoch. */
export class Busy {
  #until = 0;
  /** The server asked for more time than the longest wait: when that is over, one file asks first. */
  #probe = false;
  /** When an operator last woke the export, as far as this worker knows. */
  #wokenAt = 0;
  readonly #longest: number;

  /** @param longest milliseconds that all files wait because of one answer, which may be a mistake of the server */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /**
   * Milliseconds that the next file must wait; 0 when it may be asked for now.
   *
   * @param wokenAt when an operator last woke the export: this ends what the server asked for before
   */
  wait(now: number, wokenAt = 0): number {
    if (wokenAt > this.#wokenAt) {
      this.#wokenAt = wokenAt;
      this.#until = 0;
    }
    // The clock may have been set back.
    this.#until = Math.min(this.#until, now + this.#longest);
    if (this.#until > now) return this.#until - now;
    if (this.#probe) this.#until = now + Math.min(PROBE, this.#longest);
    return 0;
  }

  /**
   * The server wants no further requests.
   *
   * @param asked milliseconds that it wants
   */
  hold(now: number, asked: number, wokenAt = 0): void {
    this.#until = now + Math.min(this.#longest, asked);
    this.#probe = asked > this.#longest;
    // This answer came after the operator's wish, and holds.
    this.#wokenAt = Math.max(this.#wokenAt, wokenAt);
  }

  /** The server has answered otherwise. */
  clear(): void {
    if (this.#probe) this.#until = 0;
    this.#probe = false;
  }
}
