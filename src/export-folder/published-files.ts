import type { CheckedFile } from '../download/checked-file.ts';
import { checksOf } from '../download/file-checks.ts';
import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import type { CheckedPart, Folder, Part } from '../storage/folder.ts';
import type { LineReader } from './read-lines.ts';
import { readLines } from './read-lines.ts';
import type { Receipt } from './receipt.ts';

/** Of the parts of one file, in whatever thread they are written. */
export function partLabel(generation: number, ordinal: number): string {
  return generation === 1 ? String(ordinal) : `${generation}-${ordinal}`;
}

/** The files of the export: a file at its final name is whole. */
export class PublishedFiles {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /**
   * Begins a file, or resumes it from what the best earlier attempt has left.
   *
   * @param generation of the job: a file of a later one is never resumed from what an attempt at an earlier one has left
   */
  openPart(generation: number, ordinal: number): Promise<Part> {
    return this.#folder.openPart(partLabel(generation, ordinal));
  }

  /**
   * Gives a file that has passed every check its final name, and closes the part.
   *
   * @param checks in case another attempt has published the file meanwhile
   * @returns its receipt, which is not stored yet
   */
  async publish(entry: Entry, part: CheckedPart, file: CheckedFile, checks: LineRules['checks']): Promise<Receipt> {
    // An attachment has the name of its content: whoever has published it, it is the same.
    const name = entry.kind === 'attachment' ? `attachments/${file.sha256}` : entry.name;
    let published: boolean;
    try {
      await part.finish();
      published = await part.publish(name);
    } catch (error) {
      // A destination that is unreachable for a moment must not cost the whole file.
      await part.keep();
      throw error;
    }
    await part.discard();
    if (published || entry.kind === 'attachment') return { ordinal: entry.ordinal, name, ...file };
    // Another attempt has published meanwhile; its file is whole.
    return this.check(entry, checks);
  }

  /** Entries whose files have their final names already; of attachments these are not known before. */
  async existing(entries: readonly Entry[]): Promise<Set<Entry>> {
    const files = entries.filter(({ kind }) => kind !== 'attachment');
    const sizes = await Promise.all(files.map(({ name }) => this.#folder.size(name)));
    return new Set(files.filter((_, position) => sizes[position] !== undefined));
  }

  /**
   * Makes the receipt of a file that has its final name: it is whole, so it is read and not fetched again.
   *
   * @throws ExportError `DestinationFailed` when it does not pass the checks: somebody changed it
   */
  async check(entry: Entry, checks: LineRules['checks']): Promise<Receipt> {
    const fileChecks = checksOf(entry, checks);
    for await (const chunk of this.#folder.stream(entry.name)) fileChecks.push(chunk);
    const outcome = fileChecks.end(true);
    if (outcome.kind === 'wrong') {
      throw new ExportError(
        'DestinationFailed',
        `${this.#folder.location}/${entry.name} was changed after it was published: ${outcome.detail}`,
      );
    }
    return { ordinal: entry.ordinal, name: entry.name, ...outcome.file };
  }

  /** Whether a file exists as its receipt says: a receipt alone does not prove that nobody removed it. */
  async holds({ name, bytes }: Receipt): Promise<boolean> {
    return (await this.#folder.size(name)) === bytes;
  }

  /** What is wanted of the lines of a file. */
  lines<T>(name: string, reader: LineReader<T>, signal: AbortSignal): AsyncGenerator<T> {
    return readLines(this.#folder, name, reader, signal);
  }

  /** Bytes of the resource files that exist. */
  async bytesOfOutput(): Promise<number> {
    const names = (await this.#folder.list('')).filter((name) => name.endsWith('.ndjson'));
    const sizes = await Promise.all(names.map((name) => this.#folder.size(name)));
    return sizes.reduce((sum: number, size) => sum + (size ?? 0), 0);
  }
}
