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
const NOTHING = new Uint8Array(0);
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
  readonly #isUtf8: (bytes: Uint8Array) => boolean;
  readonly #utf8: Utf8Checker;
  /** Bytes with which a line of the promised type begins, in the form that servers write. */
  readonly #head: Uint8Array | undefined;
  /** The line that the last chunk cut: its pieces, or only head and last byte when it is too long to be held. */
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
    this.#isUtf8 = isUtf8;
    this.#utf8 = new Utf8Checker(isUtf8);
    this.#head = type !== undefined && /^[A-Za-z]{1,64}$/.test(type) ? headOf(type) : undefined;
  }

  /** Checks the next bytes; returns what is wrong, for ever after the first fault. */
  push(chunk: Uint8Array): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    let cut = this.#utf8.cut;
    const valid = this.#utf8.push(chunk);
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      if (valid && this.#length === 0 && this.#isUsual(chunk, start, end)) {
        this.#records++;
        this.#line++;
        start = end + 1;
        continue;
      }
      const rest = chunk.subarray(start, end);
      // Asked line by line only when the chunk is not valid, so that the line at fault is named.
      if (!valid && !this.#isUtf8(join([cut, rest]))) break;
      this.#endLine(rest, false);
      if (this.#fault !== undefined) return this.#fault;
      this.#line++;
      start = end + 1;
      cut = NOTHING;
    }
    if (!valid) return this.#fail('is not valid UTF-8');
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    return undefined;
  }

  /** Ends the file: what is wrong with it, or its counts. */
  end(): string | LineCounts {
    if (this.#fault === undefined && !this.#utf8.end()) this.#fail('ends within a character');
    // Without a newline only a full parse shows that the last line is whole.
    if (this.#fault === undefined && this.#length > 0) this.#endLine(NOTHING, true);
    return this.#fault ?? { records: this.#records, headers: this.#headers };
  }

  /** Whether a line of a chunk is one as nearly all are, so that it need not be looked at any closer. */
  #isUsual(chunk: Uint8Array, start: number, end: number): boolean {
    const head = this.#head;
    if (head === undefined || end - start <= head.length) return false;
    const last = chunk[end - 1] === RETURN ? end - 2 : end - 1;
    if (chunk[last] !== CLOSE || last - start < head.length) return false;
    for (let i = 0; i < head.length; i++) if (chunk[start + i] !== head[i]) return false;
    return true;
  }

  #hold(piece: Uint8Array): void {
    this.#length += piece.length;
    // A copy, which `slice` of a Buffer is not: the caller may use its memory again.
    if (this.#length <= LONGEST_HELD_LINE) this.#pieces.push(new Uint8Array(piece));
    else this.#pieces = ends([...this.#pieces, piece]);
  }

  #endLine(rest: Uint8Array, mustParse: boolean): void {
    const pieces = this.#length === 0 ? [rest] : [...this.#pieces, rest];
    const tooLong = this.#length + rest.length > LONGEST_HELD_LINE;
    this.#pieces = [];
    this.#length = 0;
    const raw = join(tooLong ? ends(pieces) : pieces);
    const line = trim(this.#line === 1 ? withoutMark(raw) : raw);
    if (line.length === 0) return;
    const atStart = mustParse ? undefined : this.#typeOf(line);
    if (atStart === undefined && tooLong) {
      this.#fail(`is longer than ${LONGEST_HELD_LINE} bytes and cannot be checked`);
      return;
    }
    const type = atStart ?? this.#parse(line);
    if (this.#fault !== undefined) return;
    this.#records++;
    if (this.#type === undefined && type === 'Parameters') this.#headers++;
  }

  /** The type of a line that is taken to be right as it stands. */
  #typeOf(line: Uint8Array): string | undefined {
    if (line[0] !== OPEN || line.at(-1) !== CLOSE) return undefined;
    const type = typeAtStart(line);
    return this.#type === undefined || type === this.#type ? type : undefined;
  }

  /** The type of a line that is parsed; without one the fault is set. */
  #parse(line: Uint8Array): string | undefined {
    if (line[0] === 0x3c) {
      this.#fail('begins with "<": a page (HTML or XML) instead of NDJSON');
      return undefined;
    }
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(line));
    } catch {
      this.#fail('is not JSON');
      return undefined;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fail('is not a JSON object');
      return undefined;
    }
    const type = (value as Record<string, unknown>)['resourceType'];
    if (typeof type !== 'string') this.#fail('has no resourceType');
    else if (this.#type === undefined || type === this.#type) return type;
    else this.#fail(`is ${/^[A-Za-z]{1,64}$/.test(type) ? type : 'of another type'} instead of ${this.#type}`);
    return undefined;
  }

  #fail(what: string): string {
    this.#fault = `line ${this.#line} ${what}`;
    return this.#fault;
  }
}

function headOf(type: string): Uint8Array {
  return new TextEncoder().encode(`{"resourceType":"${type}"`);
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

/** Of a line that is too long to be held: its head, and its last byte that is no space. */
function ends(pieces: readonly Uint8Array[]): Uint8Array[] {
  const head: number[] = [];
  let last: number | undefined;
  for (const piece of pieces) {
    for (let i = 0; i < piece.length && head.length < HEAD; i++) head.push(piece[i] as number);
    const trimmed = trim(piece);
    last = trimmed.at(-1) ?? last;
  }
  return [Uint8Array.from(head), Uint8Array.of(...(last === undefined ? [] : [last]))];
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
