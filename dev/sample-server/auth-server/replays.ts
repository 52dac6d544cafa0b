/** What has been used or seen, and must not come again. */
export class Replays {
  readonly #used = new Set<string>();
  readonly #received = new Map<string, number>();

  /** Counts an assertion when it comes in, whatever becomes of the request. */
  received(assertion: string): void {
    this.#received.set(assertion, (this.#received.get(assertion) ?? 0) + 1);
  }

  /**
   * Whether a nonce is used for the first time; notes it. An assertion that came in a request to which a fault
   * answered was used as well: a client makes a new one for every request.
   */
  isFirst(clientId: string, jti: string, assertion: string): boolean {
    const key = JSON.stringify([clientId, jti]);
    const first = !this.#used.has(key) && (this.#received.get(assertion) ?? 0) <= 1;
    this.#used.add(key);
    return first;
  }
}
