import type { CheckOutcome, CheckedFile } from '../download/checked-file.ts';
import { checksOf } from '../download/file-checks.ts';
import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import type { CheckedPart, Folder, Part } from '../storage/folder.ts';
import { attachmentMark } from './attachment-mark.ts';
import type { LineReader } from './read-lines.ts';
import { FILES, unprovedFile } from './layout.ts';
import { readLines } from './read-lines.ts';
import type { Receipt } from './receipt.ts';
import { removeCut } from './remove-cut.ts';

/** Of the parts of one file, in whatever thread they are written. */
export function partLabel(generation: number, { ordinal, kind, url }: Entry): string {
  const number = generation === 1 ? String(ordinal) : `${generation}-${ordinal}`;
  // Another run may give its number to another one, whose bytes must not be joined to what has come.
  return kind === 'attachment' ? `${number}-${attachmentMark(url)}` : number;
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
   * @param signal ends the taking over
   */
  openPart(generation: number, entry: Entry, signal?: AbortSignal): Promise<Part> {
    return this.#folder.openPart(partLabel(generation, entry), nameBeforehand(entry), signal);
  }

  /**
   * Gives a file that has passed every check its final name, and closes the part.
   *
   * @param checks in case another attempt has published the file meanwhile
   * @returns its receipt, which is not stored yet
   * @throws Error when it did not pass the checks as a whole: it has no name any more, and is to be fetched again
   * @throws ExportError `DestinationFailed` when what another attempt has published does not pass the checks
   */
  async publish(
    entry: Entry,
    part: CheckedPart,
    file: CheckedFile,
    checks: LineRules['checks'],
    watch: ReadWatch,
  ): Promise<Receipt> {
    // An attachment has the name of its content: whoever has published it, it is the same, unless it was cut since.
    const name = entry.kind === 'attachment' ? `attachments/${file.sha256}` : entry.name;
    // Its beginning came by another attempt: until it has been read, its name does not say that it is right.
    const isUnproved = file.sha256 === undefined;
    let published: boolean;
    try {
      await part.finish();
      if (isUnproved) await this.#folder.write(unprovedFile(name), '');
      published = await part.publish(name);
    } catch (error) {
      // A destination that is unreachable for a moment must not cost the whole file.
      await part.keep();
      throw error;
    }
    await part.discard();
    if (!published && entry.kind === 'attachment') await this.#requireWhole(name, file.bytes);
    const { sha256 } = file;
    const isOurs = published || entry.kind === 'attachment';
    const link = entry.kind === 'attachment' ? { link: attachmentMark(entry.url) } : {};
    if (isOurs && sha256 !== undefined) return { ordinal: entry.ordinal, name, ...file, sha256, ...link };
    // Another attempt has published meanwhile; its file is whole. Or the hash can only be had now.
    const found = await this.#readAgain(entry, checks, watch);
    // What the manifest says may be of the packed form, in which only the first reader has seen it.
    const isRight = isSame(found, file) || (!published && found.fault === undefined);
    if (isRight && found.outcome.kind === 'checked') return receiptOf(entry, found.outcome.file);
    if (!published && !(await this.#removeUnproved(entry))) throw this.#changed(entry, found.fault);
    if (published) await this.#folder.removeFile(name);
    throw new Error(`${this.#folder.location}/${name} is to be fetched again: ${found.fault ?? 'it has other lines'}`);
  }

  /** Removes an attachment that was cut, of which no receipt says so. @throws Error when it is to be fetched again */
  async #requireWhole(name: string, bytes: number): Promise<void> {
    if ((await removeCut(this.#folder, name, new Set([bytes]))) === bytes) return;
    throw new Error(`${this.#folder.location}/${name} is to be fetched again: it had not all of its bytes`);
  }

  /** Entries whose files have their final names already; of attachments these are not known before. */
  async existing(entries: readonly Entry[]): Promise<Set<Entry>> {
    const files = entries.filter(({ kind }) => kind !== 'attachment');
    const sizes = await Promise.all(files.map(({ name }) => this.#folder.size(name)));
    return new Set(files.filter((_, position) => sizes[position] !== undefined));
  }

  /**
   * Makes the receipt of a file that has its final name: it was whole, so it is read and not fetched again, if a count or a
   * size shows that it still is.
   *
   * @returns undefined when it is to be fetched: it is not there any more, or somebody may have cut it behind a line, or it
   *   was not known to be right, or what the manifest says of it may be of its packed form
   * @throws ExportError `DestinationFailed` when it does not pass the checks: somebody changed it
   */
  async check(entry: Entry, checks: LineRules['checks'], watch: ReadWatch): Promise<Receipt | undefined> {
    if ((await this.#folder.size(entry.name)) === undefined) return undefined;
    const { outcome, fault } = await this.#readAgain(entry, checks, watch, { isWhole: false });
    if (outcome.kind === 'checked' && fault === undefined) return receiptOf(entry, outcome.file);
    if (await this.#removeUnproved(entry)) return undefined;
    if (outcome.kind === 'wrong' && outcome.mayBeCut !== true) throw this.#changed(entry, fault);
    await this.#folder.removeFile(entry.name);
    return undefined;
  }

  /** Takes the name from a file that was not known to be right when it got it. @returns whether it is such a file */
  async #removeUnproved({ name }: Entry): Promise<boolean> {
    const mark = unprovedFile(name);
    if ((await this.#folder.size(mark)) === undefined) return false;
    await this.#folder.removeFile(name);
    await this.#folder.removeFile(mark);
    return true;
  }

  /** @param isWhole default: a file that ends with a line, and that nothing says more of, is */
  async #readAgain(
    entry: Entry,
    checks: LineRules['checks'],
    { signal, report }: ReadWatch,
    { isWhole = true } = {},
  ): Promise<Found> {
    const { length, sha256, ...lines } = entry;
    const fileChecks = checksOf(lines, checks);
    for await (const chunk of this.#folder.stream(entry.name, signal)) {
      signal.throwIfAborted();
      fileChecks.push(chunk);
      report({ file: entry.name, readAgain: fileChecks.bytes });
    }
    const outcome = fileChecks.end(isWhole || length !== undefined || sha256 !== undefined);
    if (outcome.kind === 'wrong') return { outcome, fault: outcome.detail };
    const { file } = outcome;
    const isPromised = (length ?? file.bytes) === file.bytes && (sha256 ?? file.sha256) === file.sha256;
    return { outcome, fault: isPromised ? undefined : 'its length or hash is not as the manifest says' };
  }

  #changed({ name }: Entry, fault = 'it is another file'): ExportError {
    const detail = `${this.#folder.location}/${name} was changed after it was published: ${fault}`;
    return new ExportError('DestinationFailed', detail);
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

/** A published file as it was read again. */
interface Found {
  /** Of the lines. */
  outcome: CheckOutcome;
  /** What is wrong with them, or with what the manifest says of the file. */
  fault: string | undefined;
}

function isSame({ outcome }: Found, file: CheckedFile): boolean {
  if (outcome.kind === 'wrong') return false;
  const { bytes, records, headers, sha256 } = outcome.file;
  const isCounted = bytes === file.bytes && records === file.records && headers === file.headers;
  return isCounted && (file.sha256 ?? sha256) === sha256;
}

function receiptOf({ ordinal, name }: Entry, file: CheckedFile): Receipt {
  return { ordinal, name, ...file, sha256: file.sha256 as string };
}
