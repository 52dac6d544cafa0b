import { basename } from 'node:path/posix';
import type { Folder, Part } from '../storage/folder.ts';
import { FILES, foundFile } from './layout.ts';
import { publishAgain } from './publish-again.ts';
import type { LineReader } from './read-lines.ts';
import { readLines } from './read-lines.ts';

/** One place at which a resource names an attachment; a line of `.export/attachments/NNNNN.ndjson`. */
export interface Occurrence {
  /** `DocumentReference/123`. */
  resource: string;
  element: string;
  /** Without its query, which may be a signature. */
  url: string;
  contentType?: string;
  /** Entry under which it is fetched; absent when its URL cannot be fetched, or must not be. */
  ordinal?: number;
  /** Mark of its URL, with {@link ordinal}; absent when an earlier version has found it. */
  link?: string;
  /** The configuration does not allow it. */
  notAllowed?: true;
}

/** Lines that are written at once. */
const TOGETHER = 100;

/** Where the searched files name attachments: a document for each file, until the index is published. */
export class FoundAttachments {
  readonly #folder: Folder;
  #earlier: Promise<ReadonlySet<string>> | undefined;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** Writes what is found in one file, in place of what an earlier search of it has found. @param file its ordinal */
  write(file: number): OccurrenceWriter {
    const hasEarlier = async (): Promise<boolean> => {
      this.#earlier ??= this.#folder.list(FILES.found).then((names) => new Set(names));
      return (await this.#earlier).has(basename(foundFile(file)));
    };
    return new OccurrenceWriter(this.#folder, file, hasEarlier);
  }

  /** All that was found, in the order of the searched files. */
  async *all(signal: AbortSignal): AsyncGenerator<Occurrence> {
    for (const name of (await this.#folder.list(FILES.found)).sort((a, b) => parseInt(a) - parseInt(b))) {
      yield* readLines(this.#folder, `${FILES.found}/${name}`, OCCURRENCES, signal);
    }
  }

  /** Whether an earlier version has found one: it is known by its number alone. */
  async hasUnmarked(signal: AbortSignal): Promise<boolean> {
    for await (const { ordinal, link } of this.all(signal)) {
      if (ordinal !== undefined && link === undefined) return true;
    }
    return false;
  }

  async forget(): Promise<void> {
    await this.#folder.remove(FILES.found);
  }
}

/** Nothing is written, and no document is left, when nothing is found. */
class OccurrenceWriter {
  readonly #folder: Folder;
  readonly #file: number;
  readonly #hasEarlier: () => Promise<boolean>;
  #part: Part | undefined;
  #lines: string[] = [];

  /** @param hasEarlier whether an earlier search has found something in the file */
  constructor(folder: Folder, file: number, hasEarlier: () => Promise<boolean>) {
    this.#folder = folder;
    this.#file = file;
    this.#hasEarlier = hasEarlier;
  }

  async add(occurrence: Occurrence): Promise<void> {
    this.#lines.push(`${JSON.stringify(occurrence)}\n`);
    if (this.#lines.length === TOGETHER) await this.#write();
  }

  async publish(): Promise<void> {
    if (this.#lines.length > 0) await this.#write();
    if (this.#part === undefined) {
      // What had those numbers may be something else now.
      if (await this.#hasEarlier()) await this.#folder.removeFile(foundFile(this.#file));
      return;
    }
    await this.#part.finish();
    await publishAgain(this.#folder, this.#part, foundFile(this.#file));
  }

  /** May be called at any time. */
  async discard(): Promise<void> {
    await this.#part?.discard();
  }

  async #write(): Promise<void> {
    this.#part ??= await this.#folder.openPart(`found-${this.#file}`);
    await this.#part.write([Buffer.from(this.#lines.join(''))]);
    this.#lines = [];
  }
}

const OCCURRENCES: LineReader<Occurrence> = {
  whole: (value) => [value as Occurrence],
  long: () => {
    throw new TypeError('a line of ours is never so long');
  },
};
