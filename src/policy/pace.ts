/** What is known of the downloads at one time. */
interface Sample {
  /** Milliseconds. */
  time: number;
  files: number;
  bytes: number;
}

/** Milliseconds before which nothing is told. */
const FIRST = 2000;
/** Parts of the window of which each has two samples at most, so that there are few however often files come. */
const PARTS = 60;

/** How fast files are coming in, as of late. */
export class Pace {
  readonly #window: number;
  readonly #samples: Sample[] = [];

  /** @param window milliseconds of the past by which the pace is told */
  constructor(window: number) {
    this.#window = window;
  }

  add(sample: Sample): void {
    // Another export, or its job has begun anew.
    if (sample.files < (this.#samples.at(-1)?.files ?? 0)) this.#samples.length = 0;
    if (sample.time - (this.#samples.at(-2)?.time ?? -Infinity) < this.#window / PARTS) this.#samples.pop();
    this.#samples.push(sample);
    while ((this.#samples[1]?.time ?? Infinity) < sample.time - this.#window) this.#samples.shift();
  }

  /** Bytes and files in a second; undefined while too little is known. */
  get(): { bytes: number; files: number } | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.time - first.time < FIRST) return undefined;
    const seconds = (last.time - first.time) / 1000;
    return { bytes: (last.bytes - first.bytes) / seconds, files: (last.files - first.files) / seconds };
  }
}
