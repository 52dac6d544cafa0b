/** A list whose first element is found at once, and into which others are put at their place. */
export class SortedList<T> {
  readonly #compare: (one: T, other: T) => number;
  /** The first one last: it is taken often. */
  readonly #elements: T[] = [];

  constructor(compare: (one: T, other: T) => number) {
    this.#compare = compare;
  }

  get first(): T | undefined {
    return this.#elements.at(-1);
  }

  take(): T | undefined {
    return this.#elements.pop();
  }

  add(element: T): void {
    let [low, high] = [0, this.#elements.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#elements[middle] as T, element) > 0) low = middle + 1;
      else high = middle;
    }
    this.#elements.splice(low, 0, element);
  }
}
