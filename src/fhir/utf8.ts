/**
 * Checks that a stream of bytes is valid UTF-8, whatever its chunk borders.
 *
 * The check of a whole block is given, because each side of the sandbox has a different fast one
 * (`isUtf8` of `node:buffer` on the activities' side).
 */
export class Utf8Checker {
  readonly #isUtf8: (bytes: Uint8Array) => boolean;
  #cut: Uint8Array = new Uint8Array(0);

  constructor(isUtf8: (bytes: Uint8Array) => boolean) {
    this.#isUtf8 = isUtf8;
  }

  /** The beginning of a character that the last chunk cut; empty when it ended with a whole one. */
  get cut(): Uint8Array {
    return this.#cut;
  }

  /** False when the bytes so far cannot be UTF-8. */
  push(chunk: Uint8Array): boolean {
    let start = 0;
    if (this.#cut.length > 0) {
      // At most three more bytes complete the character.
      const missing = lengthOfCharacter(this.#cut[0] as number) - this.#cut.length;
      const more = chunk.subarray(0, missing);
      if (more.some((byte) => byte < 0x80 || byte >= 0xc0)) return false;
      const joined = concat(this.#cut, more);
      if (joined.length < lengthOfCharacter(joined[0] as number)) {
        this.#cut = joined;
        return true;
      }
      if (!this.#isUtf8(joined)) return false;
      start = missing;
    }
    const end = endOfWholeCharacters(chunk, start);
    // A copy, which `slice` of a Buffer is not.
    this.#cut = new Uint8Array(chunk.subarray(end));
    return this.#isUtf8(chunk.subarray(start, end));
  }

  /** False when the last character is cut. */
  end(): boolean {
    return this.#cut.length === 0;
  }
}

/** Bytes of the character that this byte begins; 1 for bytes that begin none, which then fail the check. */
function lengthOfCharacter(first: number): number {
  if (first >= 0xf0 && first <= 0xf4) return 4;
  if (first >= 0xe0) return first <= 0xef ? 3 : 1;
  return first >= 0xc2 && first <= 0xdf ? 2 : 1;
}

function endOfWholeCharacters(bytes: Uint8Array, start: number): number {
  for (let back = 1; back <= 3 && bytes.length - back >= start; back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) return lengthOfCharacter(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
