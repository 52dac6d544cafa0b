import type { Entry } from '../fhir/entries.ts';
import { CLOCKS_DIFFER } from '../fhir/instant.ts';
import type { Receipt } from './receipt.ts';

/** Hexadecimal digits of a hash that fit in a number: there may be a million files. */
const DIGITS = 13;

/**
 * Looks for files that came twice, where fresh links were given to files by their order: a server that had changed it has
 * sent one of them twice, and another never. So it is the other way round as well: where no two are equal, all have come.
 * Error files are not looked at: two may well say the same.
 */
export class EqualFiles {
  readonly #since: number;
  /** When they were asked for, by hash. */
  readonly #asked = new Map<number, number>();

  /** @param since when the first such links were read: milliseconds since the epoch; those of long before are sure */
  constructor(since: number) {
    this.#since = since - CLOCKS_DIFFER;
  }

  /** Whether a file may be one that has come before, in place of another one. */
  add({ kind, count }: Pick<Entry, 'kind' | 'count'>, { sha256, askedAt = Infinity }: Receipt): boolean {
    // Only of these it is known that they are empty.
    if (kind === 'error' || count === 0) return false;
    const key = Number.parseInt(sha256.slice(0, DIGITS), 16);
    const earlier = this.#asked.get(key);
    this.#asked.set(key, Math.max(askedAt, earlier ?? 0));
    return earlier !== undefined && Math.max(askedAt, earlier) >= this.#since;
  }
}
