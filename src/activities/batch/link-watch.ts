import type { Entry } from '../../fhir/entries.ts';
import type { LinkTerms } from '../../policy/link-life.ts';
import type { Folder } from '../../storage/folder.ts';
import { chunkOf, readEntries, readSummary } from '../../export-folder/export-state.ts';
import { linkOf } from '../../export-folder/manifest-store.ts';

/** Watches how old the links of a batch are, and takes newer ones over when the manifest has been read again meanwhile. */
export class LinkWatch {
  readonly #folder: Folder;
  readonly #terms: LinkTerms | undefined;
  #readAt: number | undefined;

  constructor(folder: Folder, terms: LinkTerms | undefined, readAt: number | undefined) {
    this.#folder = folder;
    this.#terms = terms;
    this.#readAt = readAt;
  }

  /** Milliseconds since the links were read; undefined when that is not known. */
  age(): number | undefined {
    return this.#readAt === undefined ? undefined : Date.now() - this.#readAt;
  }

  /** Whether a refusal of a link of this age is about its file. */
  isGood(age: number | undefined): boolean {
    return age === undefined || this.#terms === undefined || age <= this.#terms.goodFor;
  }

  /** Whether the first of some entries has a link that has ended; gives all of them newer ones when there are some. */
  async haveEnded(entries: readonly Entry[]): Promise<boolean> {
    if (!this.#isPast(entries[0])) return false;
    const { readAt } = await readSummary(this.#folder);
    if (readAt === undefined || readAt <= (this.#readAt ?? 0)) return true;
    this.#readAt = readAt;
    for (const chunk of new Set(entries.map(({ ordinal }) => chunkOf(ordinal)))) {
      const renewed = new Map((await readEntries(this.#folder, chunk)).map((entry) => [entry.ordinal, entry]));
      for (const entry of entries) {
        const other = renewed.get(entry.ordinal);
        if (other === undefined) continue;
        delete entry.ends;
        Object.assign(entry, linkOf(other));
      }
    }
    return this.#isPast(entries[0]);
  }

  #isPast(entry: Entry | undefined): boolean {
    const { life, believed } = this.#terms ?? {};
    const age = this.age();
    if (age === undefined || believed !== true) return false;
    return Date.now() >= (entry?.ends ?? Infinity) || (life !== undefined && age >= life);
  }
}

/** To be called before entries are read: a link may then be newer than it is taken for, and never older. */
export async function watchLinks(folder: Folder, terms: LinkTerms | undefined): Promise<LinkWatch> {
  return new LinkWatch(folder, terms, terms === undefined ? undefined : (await readSummary(folder)).readAt);
}
