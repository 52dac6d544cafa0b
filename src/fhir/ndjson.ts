import { Utf8Checker } from './utf8.ts';

/**
 * Longest line that is held in memory, in bytes. A longer one passes when it begins with its resourceType and ends as
 * an object does.
 */
export const LONGEST_HELD_LINE = 16 * 1024 * 1024;

const HEAD = 256;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const TYPE_KEY = new TextEncoder().encode('{"resourceType":"');

/** What is known of the lines of a file when all of it has passed the checks. */
export interface LineCounts {
  /** Lines that are not blank. */
  records: number;
  /** Records that are `Parameters`: the block headers of organised output (Bulk Data IG 3.0). */
  headers: number;
}

/**
 * Checks NDJSON while it streams by: valid UTF-8, every line that is not blank one JSON object of the promised
 * resource type, the last one whole. It changes nothing.
 *
 * A line that begins `{"resourceType":"<type>"` and ends with `}` is taken to be right; any other is parsed.
 * Source: NDJSON specification (blank lines and CRLF allowed), Bulk Data IG, output files.
 */
export class LineChecker {
  readonly #type: string | undefined;
  readonly #utf8: Utf8Checker;
  /** The line that the last chunk cut: its pieces, only the head of it when it is too long to be held. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  #records = 0;
  #headers = 0;
  #line = 1;
  #fault: string | undefined;

  /**
   * @param type the resource type of every line; undefined when any is right
   * @param isUtf8 whether a block of bytes is valid UTF-8
   */
  constructor(type: string | undefined, isUtf8: (bytes: Uint8Array) => boolean) {
    this.#type = type;
    this.#utf8 = new Utf8Checker(isUtf8);
  }

  /** Checks the next bytes; returns what is wrong, for ever after the first fault. */
  push(chunk: Uint8Array): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (!this.#utf8.push(chunk)) return this.#fail('is not valid UTF-8');
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      if (this.#length === 0) this.#check(chunk.subarray(start, end), false);
      else this.#endHeldLine(chunk.subarray(start, end), false);
      if (this.#fault !== undefined) return this.#fault;
      this.#line++;
      start = end + 1;
    }
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    return undefined;
  }

  /** Ends the file: what is wrong with it, or its counts. */
  end(): string | LineCounts {
    if (this.#fault === undefined && !this.#utf8.end()) this.#fail('ends within a character');
    // Without a newline only a full parse shows that the last line is whole.
    if (this.#fault === undefined && this.#length > 0) this.#endHeldLine(new Uint8Array(0), true);
    return this.#fault ?? { records: this.#records, headers: this.#headers };
  }

  #hold(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length <= LONGEST_HELD_LINE) {
      this.#pieces.push(piece.slice());
      return;
    }
    const head = join(this.#pieces).slice(0, HEAD);
    this.#pieces = [head, piece.slice(-1)];
  }

  #endHeldLine(rest: Uint8Array, mustParse: boolean): void {
    const tooLong = this.#length > LONGEST_HELD_LINE;
    const line = join([...this.#pieces, rest]);
    this.#pieces = [];
    this.#length = 0;
    if (tooLong && (mustParse || !this.#looksRight(trim(line)))) {
      this.#fail(`is longer than ${LONGEST_HELD_LINE} bytes and cannot be checked`);
    } else this.#check(line, mustParse);
  }

  #check(raw: Uint8Array, mustParse: boolean): void {
    const line = this.#line === 1 ? trim(withoutMark(raw)) : trim(raw);
    if (line.length === 0) return;
    if (mustParse || !this.#looksRight(line)) this.#parse(line);
    if (this.#fault !== undefined) return;
    this.#records++;
    if (this.#type === undefined && typeAtStart(line) === 'Parameters') this.#headers++;
  }

  #looksRight(line: Uint8Array): boolean {
    if (line[0] !== OPEN || line.at(-1) !== CLOSE) return false;
    const type = typeAtStart(line);
    return type !== undefined && (this.#type === undefined || type === this.#type);
  }

  #parse(line: Uint8Array): void {
    if (line[0] === 0x3c) {
      this.#fail('begins with "<": a page (HTML or XML) instead of NDJSON');
      return;
    }
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(line));
    } catch {
      this.#fail('is not JSON');
      return;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fail('is not a JSON object');
      return;
    }
    const type = (value as Record<string, unknown>)['resourceType'];
    if (typeof type !== 'string') this.#fail('has no resourceType');
    else if (this.#type !== undefined && type !== this.#type) {
      this.#fail(`is ${/^[A-Za-z]{1,64}$/.test(type) ? type : 'of another type'} instead of ${this.#type}`);
    }
  }

  #fail(what: string): string {
    this.#fault = `line ${this.#line} ${what}`;
    return this.#fault;
  }
}

/** The resource type of a line that begins with it, in the form that servers write. */
function typeAtStart(line: Uint8Array): string | undefined {
  for (let i = 0; i < TYPE_KEY.length; i++) if (line[i] !== TYPE_KEY[i]) return undefined;
  let type = '';
  for (let i = TYPE_KEY.length; i < HEAD && i < line.length; i++) {
    const byte = line[i] as number;
    if (byte === QUOTE) return type;
    type += String.fromCharCode(byte);
  }
  return undefined;
}

function trim(line: Uint8Array): Uint8Array {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line[start] as number)) start++;
  while (end > start && isSpace(line[end - 1] as number)) end--;
  return line.subarray(start, end);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === RETURN;
}

/** Some servers begin the file with a byte order mark. */
function withoutMark(line: Uint8Array): Uint8Array {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}
