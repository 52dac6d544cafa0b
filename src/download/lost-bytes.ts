/** Bytes that have to be fetched again, and why: of wrong content, or not durable when the transfer ended. */
export interface LostBytes {
  cause: 'content' | 'broken' | 'stopped' | 'not-resumable';
  bytes: number;
}

/** Knows how much of a file is there, so that it can say how much of it is lost. */
export class LossCount {
  /** Bytes that are there, those of earlier attempts included. */
  came: number;
  readonly #onLost: ((lost: LostBytes) => void) | undefined;

  constructor(resumed: number, onLost: ((lost: LostBytes) => void) | undefined) {
    this.came = resumed;
    this.#onLost = onLost;
  }

  /** @param kept bytes with which the next attempt begins */
  lose(cause: LostBytes['cause'], kept: number): void {
    if (this.came > kept) this.#onLost?.({ cause, bytes: this.came - kept });
    this.came = kept;
  }
}
