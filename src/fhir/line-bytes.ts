/** What is looked for in the bytes of a line of NDJSON. */

const HEAD = 256;
/** Bytes of memory that are kept for the next line. */
const KEPT = 1024 * 1024;
const RETURN = 0x0d;
const QUOTE = 0x22;
const TYPE_KEY = new TextEncoder().encode('{"resourceType":"');

/** Bytes with which a line of a type begins, in the form that servers write. */
export function headOf(type: string): Uint8Array {
  return new TextEncoder().encode(`{"resourceType":"${type}"`);
}

/** The resource type of a line that begins with it, in the form that servers write. */
export function typeAtStart(line: Uint8Array): string | undefined {
  for (let i = 0; i < TYPE_KEY.length; i++) if (line[i] !== TYPE_KEY[i]) return undefined;
  let type = '';
  for (let i = TYPE_KEY.length; i < HEAD && i < line.length; i++) {
    const byte = line[i] as number;
    if (byte === QUOTE) return type;
    type += String.fromCharCode(byte);
  }
  return undefined;
}

/** A line without the spaces around it. */
export function trim(line: Uint8Array): Uint8Array {
  let start = 0;
  let end = line.length;
  while (start < end && isSpace(line[start] as number)) start++;
  while (end > start && isSpace(line[end - 1] as number)) end--;
  return line.subarray(start, end);
}

export function isBlank(line: Uint8Array): boolean {
  return line.every(isSpace);
}

/** Some servers begin the file with a byte order mark. */
export function withoutMark(line: Uint8Array): Uint8Array {
  return line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? line.subarray(3) : line;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === RETURN;
}

/** The beginning of a line that chunks have cut: copied, because the memory of a chunk may be used again. */
export class HeldLine {
  readonly #most: number;
  #memory = new Uint8Array(0);
  #length = 0;

  /** @param most bytes that will be added */
  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#length);
  }

  /** In one piece of memory, because a server may send a line byte by byte. */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#memory.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(2 * this.#memory.length, this.#most)));
      larger.set(this.bytes);
      this.#memory = larger;
    }
    this.#memory.set(piece, this.#length);
    this.#length = length;
  }

  clear(): void {
    this.#length = 0;
    if (this.#memory.length > KEPT) this.#memory = new Uint8Array(0);
  }
}
