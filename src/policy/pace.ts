/** What is known of the downloads at one time. */
interface Sample {
  /** Milliseconds. */
  time: number;
  files: number;
  bytes: number;
}

/** What comes in a second. */
export interface InSecond {
  files: number;
  bytes: number;
}

/** How far downloads are, as the progress says it. */
interface Downloads {
  total: number;
  done: number;
  failed: number;
  bytes: number;
  knownBytes?: number | undefined;
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

  /** Undefined while too little is known. */
  get(): InSecond | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.time - first.time < FIRST) return undefined;
    const seconds = (last.time - first.time) / 1000;
    return { bytes: (last.bytes - first.bytes) / seconds, files: (last.files - first.files) / seconds };
  }
}

/**
 * Seconds until all files are there, by the bytes that are left: those of the manifest, else as many for each file as on
 * average so far. Files alone would say little, because their sizes differ.
 *
 * @returns undefined when none is left, and while nothing comes
 */
export function secondsLeft(
  { total, done, failed, bytes, knownBytes = 0 }: Downloads,
  pace: InSecond,
): number | undefined {
  const left = total - done - failed;
  if (left <= 0) return undefined;
  const known = failed === 0 ? knownBytes - bytes : 0;
  const bytesLeft = known > 0 ? known : (left * bytes) / Math.max(1, done);
  if (bytesLeft > 0 && pace.bytes > 0) return bytesLeft / pace.bytes;
  return pace.files > 0 ? left / pace.files : undefined;
}
