import { ExportError } from '../errors.ts';
import type { JsonListener } from '../fhir/json-reader.ts';
import { HeldLine, isBlank } from '../fhir/line-bytes.ts';
import { LongLine } from '../fhir/long-line.ts';
import { LONGEST_HELD_LINE } from '../fhir/ndjson.ts';
import type { Folder } from '../storage/folder.ts';

const NEWLINE = 0x0a;
/** Bytes of a long line after which what was found is handed on. */
const BLOCK = 256 * 1024;

/** What is wanted of the lines of a file. */
export interface LineReader<T> {
  /** False for lines that need not be parsed. Default: all are. */
  isWanted?(line: Buffer): boolean;
  /** Of a line that could be held as a whole. */
  whole(value: unknown): Iterable<T>;
  /** Of a line that is too long to be held: what listens to its parts, and what that has found since the last time. */
  long(): { listener: JsonListener; take(isLast?: boolean): Iterable<T> };
  /** Of a line that cannot be read. Default: that is an error. */
  wrong?(detail: string): Iterable<T>;
}

/**
 * What is wanted of the lines of a published file that are not blank; holds one chunk, and 16 MiB of a line.
 *
 * @throws ExportError `DestinationFailed` when a line cannot be read although it has passed the checks
 */
export async function* readLines<T>(
  folder: Folder,
  name: string,
  reader: LineReader<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const wrong = (detail: string): never => {
    throw new ExportError(
      'DestinationFailed',
      `${folder.location}/${name} was changed after it was checked: ${detail}`,
    );
  };
  const lines = new Lines<T>({ ...reader, wrong: reader.wrong ?? wrong });
  for await (const chunk of folder.stream(name)) {
    signal.throwIfAborted();
    yield* lines.push(chunk);
  }
  yield* lines.end();
}

type CompleteReader<T> = LineReader<T> & Required<Pick<LineReader<T>, 'wrong'>>;

/** Reads lines whose chunks are pushed. */
class Lines<T> {
  readonly #reader: CompleteReader<T>;
  readonly #decoder = new TextDecoder();
  readonly #held = new HeldLine(LONGEST_HELD_LINE);
  #length = 0;
  #long: { line: LongLine; take: (isLast?: boolean) => Iterable<T>; fault?: string } | undefined;
  #number = 1;

  constructor(reader: CompleteReader<T>) {
    this.#reader = reader;
  }

  *push(chunk: Buffer): Generator<T> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      yield* this.#end(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length) yield* this.#add(chunk.subarray(start));
  }

  *end(): Generator<T> {
    if (this.#length > 0) yield* this.#end(Buffer.alloc(0));
  }

  *#add(piece: Uint8Array): Generator<T> {
    this.#length += piece.length;
    if (this.#length <= LONGEST_HELD_LINE) return this.#held.add(piece);
    if (this.#long === undefined) {
      const { listener, take } = this.#reader.long();
      this.#long = { line: new LongLine(listener), take };
      yield* this.#readOn(this.#held.bytes);
      this.#held.clear();
    }
    yield* this.#readOn(piece);
  }

  *#readOn(bytes: Uint8Array): Generator<T> {
    const long = this.#long;
    for (let from = 0; from < bytes.length; from += BLOCK) {
      if (long === undefined || long.fault !== undefined) return;
      const fault = long.line.push(bytes.subarray(from, from + BLOCK));
      if (fault !== undefined) long.fault = fault;
      yield* long.take();
    }
  }

  *#end(rest: Buffer): Generator<T> {
    if (this.#length + rest.length > LONGEST_HELD_LINE) yield* this.#endLong(rest);
    else if (this.#length === 0) yield* this.#whole(rest);
    else {
      this.#held.add(rest);
      const { buffer, byteOffset, length } = this.#held.bytes;
      yield* this.#whole(Buffer.from(buffer, byteOffset, length));
    }
    this.#held.clear();
    this.#length = 0;
    this.#number++;
  }

  *#endLong(rest: Buffer): Generator<T> {
    yield* this.#add(rest);
    const ended = this.#long?.line.end();
    if (this.#long !== undefined) yield* this.#long.take(true);
    const fault = this.#long?.fault ?? (ended?.kind === 'wrong' ? ended.detail : undefined);
    this.#long = undefined;
    if (fault !== undefined) yield* this.#reader.wrong(`line ${this.#number} ${fault}`);
  }

  *#whole(line: Buffer): Generator<T> {
    if (isBlank(line) || this.#reader.isWanted?.(line) === false) return;
    let value: unknown;
    try {
      // It may begin with a byte order mark.
      value = JSON.parse(this.#decoder.decode(line));
    } catch {
      yield* this.#reader.wrong(`line ${this.#number} is not JSON`);
      return;
    }
    yield* this.#reader.whole(value);
  }
}
