/** What is known of the downloads at one time. */
interface Sample {
  /** Milliseconds. */
  time: number;
  files: number;
  bytes: number;
}

/** Milliseconds of the past by which the pace is told. */
const WINDOW = 30_000;
/** Milliseconds before which nothing is told. */
const FIRST = 2000;

/** How fast files are coming in, as of late. */
export class Pace {
  readonly #samples: Sample[] = [];

  add(sample: Sample): void {
    const last = this.#samples.at(-1);
    // Another export, or its job has begun anew.
    if (last !== undefined && sample.files < last.files) this.#samples.length = 0;
    this.#samples.push(sample);
    while ((this.#samples[1]?.time ?? Infinity) < sample.time - WINDOW) this.#samples.shift();
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
