/** What is to be closed at the end, the last first. */
export class Closings {
  readonly #all: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#all.push(close);
  }

  /**
   * Closes each of them once, also when others cannot be closed.
   *
   * @throws the first error of a closing
   */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.#all.pop(); close !== undefined; close = this.#all.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** Works, then closes. Why the work failed is what counts: no error of a closing takes its place. */
  async after<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.orClose(work);
    await this.close();
    return result;
  }

  /** Works, and closes if that fails, with the error of the work. */
  async orClose<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.close().catch(() => {});
      throw error;
    }
  }
}
