/**
 * The names of all files of a manifest in short, as `Patient.00001.ndjson` follows from its place: the stems, and which of
 * them has how many files in a row.
 */
export interface FileNames {
  stems: string[];
  /** Place of the stem and number of files, such as `0x12,1x3`. */
  runs: string;
}

/** Stems and characters of runs beyond which names are not kept: histories must stay small. */
const MOST_STEMS = 100;
const LONGEST_RUNS = 8000;
const NAME = /^(.+)\.(\d+)\.ndjson$/;

/** Takes the names of files in their order. */
export class FileNamesWriter {
  readonly #stems: string[] = [];
  #runs = '';
  #last: { stem: number; files: number } | undefined;
  #isTooLong = false;

  add(name: string): void {
    if (this.#isTooLong) return;
    const text = NAME.exec(name)?.[1] ?? '';
    let stem = this.#stems.indexOf(text);
    if (stem === -1) stem = this.#stems.push(text) - 1;
    if (this.#last?.stem === stem) this.#last.files++;
    else {
      this.#endRun();
      this.#last = { stem, files: 1 };
    }
    this.#isTooLong = text === '' || this.#stems.length > MOST_STEMS || this.#runs.length > LONGEST_RUNS;
  }

  /** Undefined when they are too many, or of another form. */
  end(): FileNames | undefined {
    this.#endRun();
    return this.#isTooLong ? undefined : { stems: this.#stems, runs: this.#runs };
  }

  #endRun(): void {
    if (this.#last === undefined) return;
    this.#runs += `${this.#runs === '' ? '' : ','}${this.#last.stem}x${this.#last.files}`;
    this.#last = undefined;
  }
}

/** The names of all files and their types, in their order. */
export function* readNames({ stems, runs }: FileNames): Generator<{ name: string; type: string }> {
  const numbers = new Map<string, number>();
  for (const run of runs === '' ? [] : runs.split(',')) {
    const [place, files] = run.split('x').map(Number) as [number, number];
    const stem = stems[place] as string;
    // As they were given: `Patient` and `patient` are the same to some file systems.
    const key = stem.toLowerCase();
    for (let file = 0; file < files; file++) {
      const number = (numbers.get(key) ?? 0) + 1;
      numbers.set(key, number);
      yield { name: `${stem}.${String(number).padStart(5, '0')}.ndjson`, type: stem.replace(/^.*\//, '') };
    }
  }
}
