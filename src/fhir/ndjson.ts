import { HeldLine, headOf, trim, typeAtStart, withoutMark } from './line-bytes.ts';
import { LongLine, RootFields } from './long-line.ts';
import { Utf8Checker, concat } from './utf8.ts';

/** Longest line that is held in memory, in bytes. Longer ones are read while they come. */
export const LONGEST_HELD_LINE = 16 * 1024 * 1024;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const NOTHING = new Uint8Array(0);
/**
 * What stands between two resources that lost the newline between them. In JSON it can only be the end of a text, which
 * real ones do not have, so that looking closer costs nothing.
 */
const SEAM = new TextEncoder().encode('}{"');

/** What is known of the lines of a file when all of it has passed the checks. */
export interface LineCounts {
  /** Lines that are not blank. */
  records: number;
  /** Records that are `Parameters`: the block headers of organised output (Bulk Data IG 3.0). */
  headers: number;
}

/** What is known where a line begins, and all that the lines behind need. */
export interface LineState extends LineCounts {
  /** Number of that line, from 1. */
  line: number;
}

/** The outcome of the checks of all lines. */
export type LinesOutcome = { kind: 'whole'; counts: LineCounts } | { kind: 'wrong'; detail: string };

/** Fast ways through bytes, of which each side of the sandbox has its own. */
export interface ByteTools {
  /** Whether a block of bytes is valid UTF-8. */
  isUtf8(bytes: Uint8Array): boolean;
  /** Where a pattern is, at or behind a place; -1 when it is not there. */
  indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number;
}

export interface LineRules {
  /** The resource type of every line; undefined when any is right. */
  type: string | undefined;
  /** `fast`: a line that looks right is not parsed. `full`: every line is. */
  checks: 'fast' | 'full';
}

/**
 * Checks NDJSON while it streams by: valid UTF-8, every line that is not blank one JSON object of the promised
 * resource type, the last one whole. It changes nothing.
 *
 * With `fast` a line that begins `{"resourceType":"<type>"`, ends with `}` and holds no `}{"` is taken to be right; any
 * other is parsed. Lines that are too long to be held are always parsed, while they come.
 * Source: NDJSON specification (blank lines and CRLF allowed), Bulk Data IG, output files.
 */
export class LineChecker {
  readonly #type: string | undefined;
  readonly #isFast: boolean;
  readonly #tools: ByteTools;
  readonly #utf8: Utf8Checker;
  readonly #decoder = new TextDecoder();
  /** Bytes with which a line of the promised type begins, in the form that servers write. */
  readonly #head: Uint8Array | undefined;
  /** The line that the last chunk cut: its bytes, or what reads it when it is too long to be held. */
  readonly #held = new HeldLine(LONGEST_HELD_LINE);
  #length = 0;
  #long: { line: LongLine; root: RootFields } | undefined;
  #records: number;
  #headers: number;
  #line: number;
  #fault: string | undefined;
  #onlyOutcomes: boolean;

  /** @param before what another checker knew of the lines before those that come here */
  constructor({ type, checks }: LineRules, tools: ByteTools, before?: LineState) {
    this.#type = type;
    this.#records = before?.records ?? 0;
    this.#headers = before?.headers ?? 0;
    this.#line = before?.line ?? 1;
    this.#onlyOutcomes = type === undefined && this.#records === 0;
    this.#isFast = checks === 'fast';
    this.#tools = tools;
    this.#utf8 = new Utf8Checker(tools.isUtf8);
    this.#head = this.#isFast && type !== undefined && /^[A-Za-z]{1,64}$/.test(type) ? headOf(type) : undefined;
  }

  /** Lines so far that hold a resource. */
  get records(): number {
    return this.#records;
  }

  /** What is known where the line begins that has not ended yet, and its bytes so far. */
  get unfinished(): { state: LineState; bytes: number } {
    return { state: { records: this.#records, headers: this.#headers, line: this.#line }, bytes: this.#length };
  }

  /** Checks the next bytes; returns what is wrong, for ever after the first fault. */
  push(chunk: Uint8Array): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    let cut = this.#utf8.cut;
    const valid = this.#utf8.push(chunk);
    let start = 0;
    let seam = this.#seamIn(chunk, 0);
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      const hasSeam = seam !== -1 && seam < end;
      if (valid && !hasSeam && this.#length === 0 && this.#isUsual(chunk, start, end)) {
        this.#records++;
        this.#line++;
        start = end + 1;
        continue;
      }
      if (hasSeam) seam = this.#seamIn(chunk, end);
      const rest = chunk.subarray(start, end);
      // Asked line by line only when the chunk is not valid, so that the line at fault is named.
      if (!valid && !this.#tools.isUtf8(concat(cut, rest))) break;
      this.#endLine(rest, hasSeam);
      if (this.#fault !== undefined) return this.#fault;
      this.#line++;
      start = end + 1;
      cut = NOTHING;
    }
    if (!valid) return this.#fail('is not valid UTF-8');
    if (start < chunk.length) this.#hold(chunk.subarray(start));
    return this.#fault;
  }

  /** Ends the file. */
  end(): LinesOutcome {
    if (this.#fault === undefined && !this.#utf8.end()) this.#fail('ends within a character');
    // Without a newline only a full parse shows that the last line is whole.
    if (this.#fault === undefined && this.#length > 0) this.#endLine(NOTHING, true);
    if (this.#onlyOutcomes && this.#records > 0) this.#fault ??= 'it has nothing but OperationOutcomes';
    return this.#fault === undefined
      ? { kind: 'whole', counts: { records: this.#records, headers: this.#headers } }
      : { kind: 'wrong', detail: this.#fault };
  }

  /** Whether a line of a chunk is one as nearly all are, so that it need not be looked at any closer. */
  #isUsual(chunk: Uint8Array, start: number, end: number): boolean {
    const head = this.#head;
    if (head === undefined || end - start <= head.length || end - start > LONGEST_HELD_LINE) return false;
    const last = chunk[end - 1] === RETURN ? end - 2 : end - 1;
    if (chunk[last] !== CLOSE || last - start < head.length) return false;
    for (let i = 0; i < head.length; i++) if (chunk[start + i] !== head[i]) return false;
    return true;
  }

  #seamIn(bytes: Uint8Array, from: number): number {
    return this.#isFast ? this.#tools.indexOf(bytes, SEAM, from) : -1;
  }

  #hold(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length <= LONGEST_HELD_LINE) this.#held.add(piece);
    else this.#readOn(piece);
  }

  /** Goes on with a line that is too long to be held. */
  #readOn(piece: Uint8Array): void {
    let wrong: string | undefined;
    if (this.#long === undefined) {
      const root = new RootFields('resourceType');
      this.#long = { line: new LongLine(root), root };
      wrong = this.#long.line.push(this.#held.bytes);
      this.#held.clear();
    }
    wrong ??= this.#long.line.push(piece);
    if (wrong !== undefined && this.#fault === undefined) this.#fail(wrong);
  }

  #endLine(rest: Uint8Array, mustParse: boolean): void {
    const isLong = this.#length + rest.length > LONGEST_HELD_LINE;
    if (isLong) this.#readOn(rest);
    const type = isLong ? this.#endLong() : this.#endHeld(rest, mustParse);
    this.#held.clear();
    this.#length = 0;
    this.#long = undefined;
    if (type === undefined || this.#fault !== undefined) return;
    this.#records++;
    this.#onlyOutcomes &&= type === 'OperationOutcome';
    if (this.#type === undefined && type === 'Parameters') this.#headers++;
  }

  /** The type of a line that was read while it came; undefined when it is blank, or wrong. */
  #endLong(): string | undefined {
    if (this.#fault !== undefined) return undefined;
    const ended = this.#long?.line.end();
    if (ended === undefined || ended.kind === 'blank') return undefined;
    if (ended.kind === 'object') return this.#checkType(this.#long?.root.found.get('resourceType'));
    this.#fail(ended.detail);
    return undefined;
  }

  /** The type of a line that is there as a whole; undefined when it is blank, or wrong. */
  #endHeld(rest: Uint8Array, mustParse: boolean): string | undefined {
    const wasCut = this.#length > 0;
    if (wasCut) this.#held.add(rest);
    const raw = wasCut ? this.#held.bytes : rest;
    const line = trim(this.#line === 1 ? withoutMark(raw) : raw);
    if (line.length === 0) return undefined;
    const hasSeam = mustParse || (wasCut && this.#seamIn(line, 0) !== -1);
    return (this.#isFast && !hasSeam ? this.#typeOf(line) : undefined) ?? this.#parse(line);
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
      value = JSON.parse(this.#decoder.decode(line));
    } catch {
      // In no words of the parser, which quotes the line.
      this.#fail('is not JSON');
      return undefined;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#fail('is not a JSON object');
      return undefined;
    }
    return this.#checkType((value as Record<string, unknown>)['resourceType']);
  }

  /** The type, when it is the promised one; otherwise the fault is set. */
  #checkType(type: unknown): string | undefined {
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
