import { NetworkError } from './network-error.ts';

/**
 * Bytes a second, as they come over the wire: less, over as long as a body may be silent, is as good as silence. A server
 * that writes a resource of a KiB each minute, because it asks its database between them, is still given its time.
 */
export const SLOWEST = 16;

/** A body that came so slowly that it would keep its place for days. */
export class SlowBodyError extends NetworkError {
  constructor(host: string, window: number) {
    super(`${host}: less than ${SLOWEST} bytes a second came for ${Math.round(window / 1000)} s`, true);
  }
}

/** Watches how fast a body comes. Each window is judged by the first bytes behind its end: before, they may be silent. */
export class BodySpeed {
  readonly #window: number;
  #bytes = 0;
  /** Undefined until bytes have come. */
  #since: number | undefined;
  #heldSince: number | undefined;

  /** @param window milliseconds, of which those do not count in which nobody takes the body */
  constructor(window: number) {
    this.#window = window;
  }

  /** Nobody takes more of the body for now. */
  hold(): void {
    this.#heldSince ??= performance.now();
  }

  /** It is taken on. */
  goOn(): void {
    if (this.#since !== undefined && this.#heldSince !== undefined) this.#since += performance.now() - this.#heldSince;
    this.#heldSince = undefined;
  }

  /** Counts bytes that have come. @returns whether they come too slowly */
  isTooSlow(bytes: number): boolean {
    const now = this.#heldSince ?? performance.now();
    this.#since ??= now;
    this.#bytes += bytes;
    if (now - this.#since < this.#window) return false;
    const isSlow = this.#bytes * 1000 < SLOWEST * this.#window;
    this.#since = now;
    this.#bytes = 0;
    return isSlow;
  }
}
