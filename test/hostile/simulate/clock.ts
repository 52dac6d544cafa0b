/**
 * Time that can be skipped: while nothing is under way, the hours until the next timer pass at once. It moves `Date.now`
 * of the whole process, so that workflow, activities and server agree; timers of Node run as ever.
 */
export class SkippingClock {
  readonly #real = Date.now;
  #skipped = 0;

  install(): void {
    Date.now = () => this.#real() + this.#skipped;
  }

  /** @param milliseconds negative ones are none */
  skip(milliseconds: number): void {
    this.#skipped += Math.max(0, milliseconds);
  }

  uninstall(): void {
    Date.now = this.#real;
    this.#skipped = 0;
  }
}
