import type { JsonListener } from './json-reader.ts';
import { JsonReader } from './json-reader.ts';
import { isBlank } from './line-bytes.ts';

/** What has become of a line. */
export type EndOfLine =
  { kind: 'blank' } | { kind: 'wrong'; words: string } | { kind: 'resource'; type: string | undefined };

/** Reads a line that is too long to be held while it comes. */
export class LongLine {
  readonly #root = new RootType();
  readonly #reader = new JsonReader(this.#root);
  #isBlank = true;

  /** Says what is wrong, if something is. */
  push(bytes: Uint8Array): string | undefined {
    if (this.#isBlank && isBlank(bytes)) return undefined;
    this.#isBlank = false;
    return this.#reader.push(bytes);
  }

  end(): EndOfLine {
    if (this.#isBlank) return { kind: 'blank' };
    const words = this.#reader.end();
    return words === undefined ? { kind: 'resource', type: this.#root.type } : { kind: 'wrong', words };
  }
}

/** The resource type of an object; the last one when there are several, as for any parser. */
class RootType implements JsonListener {
  type: string | undefined;
  #depth = 0;
  #key = '';

  open(): void {
    if (this.#depth === 1 && this.#key === 'resourceType') this.type = undefined;
    this.#depth++;
  }

  close(): void {
    this.#depth--;
  }

  key(name: string): void {
    if (this.#depth === 1) this.#key = name;
  }

  value(value: unknown): void {
    if (this.#depth !== 1 || this.#key !== 'resourceType') return;
    this.type = typeof value === 'string' ? value : undefined;
  }
}
