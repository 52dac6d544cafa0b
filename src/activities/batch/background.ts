/** Actions at once: storing a small file is mostly waiting for the disk. */
const MOST = 8;

/** Actions that run while the next file is fetched. */
export class Background {
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  /**
   * Begins an action, after others when there are many; also when it then throws, because only the action can clean up.
   *
   * @throws what an earlier one has thrown
   */
  async add(action: () => Promise<void>): Promise<void> {
    while (this.#running.size >= MOST) await Promise.race(this.#running);
    const running = action()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Waits for all of them. @throws what the first to fail has thrown */
  async end(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
