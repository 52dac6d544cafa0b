/** Steps in which a limit is counted. */
const STEPS = 10;

/**
 * A limit of time that counts only while this thread runs. It is counted in steps, and a step that comes late counts for
 * one: neither a machine that sleeps nor a thread that is busy takes from it. What has come meanwhile is always heard
 * before a step is counted.
 */
export class WakingLimit {
  readonly #timer: NodeJS.Timeout;
  #steps = 0;
  #isOver = false;

  /**
   * @param limit milliseconds
   * @param onPassed called once, unless {@link end} is called before
   * @param onStep called after each step before the last
   */
  constructor(limit: number, onPassed: () => void, onStep: () => void = () => {}) {
    const step = (): void => {
      if (this.#isOver) return;
      if (++this.#steps < STEPS) return onStep();
      this.end();
      onPassed();
    };
    // Messages are heard between timers and immediates (Node.js, "The event loop").
    this.#timer = setInterval(() => setImmediate(step), limit / STEPS).unref();
  }

  /** Counts from the beginning. */
  restart(): void {
    this.#steps = 0;
  }

  end(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }
}
