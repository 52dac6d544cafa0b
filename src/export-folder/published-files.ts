import type { CheckOutcome, CheckedFile } from '../download/checked-file.ts';
import { checksOf } from '../download/file-checks.ts';
import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import type { CheckedPart, Folder, Part } from '../storage/folder.ts';
import type { LineReader } from './read-lines.ts';
import { FILES } from './layout.ts';
import { readLines } from './read-lines.ts';
import type { Receipt } from './receipt.ts';

/** Of the parts of one file, in whatever thread they are written. */
export function partLabel(generation: number, ordinal: number): string {
  return generation === 1 ? String(ordinal) : `${generation}-${ordinal}`;
}

/**
 * The final name of a file, when it can be had before its content is known: an attachment is named by that, and a hash
 * that was promised must be right before a file gets its name.
 */
export function nameBeforehand({ kind, sha256, name }: Entry): string | undefined {
  return kind === 'attachment' || sha256 !== undefined ? undefined : name;
}

/** Who waits while a file is read, which may take as long as to fetch it. */
export interface ReadWatch {
  signal: AbortSignal;
  report(details: { file: string; readAgain: number }): void;
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
  openPart(generation: number, entry: Entry): Promise<Part> {
    return this.#folder.openPart(partLabel(generation, entry.ordinal), nameBeforehand(entry));
  }

  /**
   * Gives a file that has passed every check its final name, and closes the part.
   *
   * @param checks in case another attempt has published the file meanwhile
   * @returns its receipt, which is not stored yet
   * @throws ExportError `DestinationFailed` when what was published, or another attempt has, does not pass the checks
   */
  async publish(
    entry: Entry,
    part: CheckedPart,
    file: CheckedFile,
    checks: LineRules['checks'],
    watch: ReadWatch,
  ): Promise<Receipt> {
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
    const { sha256 } = file;
    const isOurs = published || entry.kind === 'attachment';
    if (isOurs && sha256 !== undefined) return { ordinal: entry.ordinal, name, ...file, sha256 };
    // Another attempt has published meanwhile; its file is whole. Or its beginning came by another attempt, and its hash
    // can only be had now.
    const outcome = await this.#readAgain(entry, checks, watch);
    if (!published || (outcome.kind === 'checked' && isSame(outcome.file, file))) return this.#receipt(entry, outcome);
    // Only since this call does it have the name, which says that it is whole.
    await this.#folder.removeFile(name);
    return this.#receipt(entry, outcome.kind === 'wrong' ? outcome : { kind: 'wrong', detail: 'it has other lines' });
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
  async check(entry: Entry, checks: LineRules['checks'], watch: ReadWatch): Promise<Receipt> {
    return this.#receipt(entry, await this.#readAgain(entry, checks, watch));
  }

  async #readAgain(entry: Entry, checks: LineRules['checks'], { signal, report }: ReadWatch): Promise<CheckOutcome> {
    const fileChecks = checksOf(entry, checks);
    for await (const chunk of this.#folder.stream(entry.name, signal)) {
      signal.throwIfAborted();
      fileChecks.push(chunk);
      report({ file: entry.name, readAgain: fileChecks.bytes });
    }
    return fileChecks.end(true);
  }

  #receipt({ ordinal, name }: Entry, outcome: CheckOutcome): Receipt {
    if (outcome.kind === 'checked') {
      return { ordinal, name, ...outcome.file, sha256: outcome.file.sha256 as string };
    }
    throw new ExportError(
      'DestinationFailed',
      `${this.#folder.location}/${name} was changed after it was published: ${outcome.detail}`,
    );
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
    const isOutput = (name: string): boolean =>
      name.endsWith('.ndjson') && name !== FILES.log && name !== FILES.deletions;
    const names = (await this.#folder.list('')).filter(isOutput);
    const sizes = await Promise.all(names.map((name) => this.#folder.size(name)));
    return sizes.reduce((sum: number, size) => sum + (size ?? 0), 0);
  }
}

function isSame(one: CheckedFile, other: CheckedFile): boolean {
  return one.bytes === other.bytes && one.records === other.records && one.headers === other.headers;
}
