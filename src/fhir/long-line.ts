import type { JsonListener } from './json-reader.ts';
import { JsonReader } from './json-reader.ts';
import { isBlank } from './line-bytes.ts';

/** The outcome of a line. */
export type EndOfLine = { kind: 'blank' } | { kind: 'wrong'; detail: string } | { kind: 'object' };

/** Reads, while it comes, a line that is too long to be held. */
export class LongLine {
  readonly #reader: JsonReader;
  #isBlank = true;

  constructor(listener: JsonListener) {
    this.#reader = new JsonReader(listener);
  }

  /** Says what is wrong, if something is: nothing more may be pushed then. */
  push(bytes: Uint8Array): string | undefined {
    if (this.#isBlank && isBlank(bytes)) return undefined;
    this.#isBlank = false;
    return this.#reader.push(bytes);
  }

  end(): EndOfLine {
    if (this.#isBlank) return { kind: 'blank' };
    const detail = this.#reader.end();
    return detail === undefined ? { kind: 'object' } : { kind: 'wrong', detail };
  }
}

/** Listens for fields of a resource itself; of each the last one counts, as for any parser. */
export class RootFields implements JsonListener {
  /** Texts by name. */
  readonly found = new Map<string, string>();
  readonly #names: readonly string[];
  #depth = 0;
  #key = '';

  constructor(...names: string[]) {
    this.#names = names;
  }

  open(): void {
    if (this.#depth++ === 1) this.found.delete(this.#key);
  }

  close(): void {
    this.#depth--;
  }

  key(name: string): void {
    if (this.#depth === 1) this.#key = name;
  }

  value(value: unknown): void {
    if (this.#depth !== 1 || !this.#names.includes(this.#key)) return;
    if (typeof value === 'string') this.found.set(this.#key, value);
    else this.found.delete(this.#key);
  }
}
