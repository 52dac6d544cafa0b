import type { Entry } from '../../fhir/entries.ts';
import type { LinkTerms } from '../../policy/link-life.ts';
import type { Entries } from '../../export-folder/entries.ts';
import type { ExportFolder } from '../../export-folder/export-folder.ts';
import type { ManifestReading } from '../../export-folder/manifest-reading.ts';

/** The manifest, as far as its links are concerned. */
type Manifest = Pick<ExportFolder, 'entries' | 'reading'>;

/** Watches how old the links of a batch are, and takes newer ones over when the manifest has been read again meanwhile. */
export class LinkWatch {
  readonly #entries: Entries;
  readonly #reading: ManifestReading;
  readonly #terms: LinkTerms | undefined;
  #readAt: number | undefined;
  /** When the links may have been read at the latest: the manifest may be read again while entries are. */
  #readAtLatest: number | undefined;

  constructor({ entries, reading }: Manifest, terms: LinkTerms | undefined, readAt: number | undefined) {
    this.#entries = entries;
    this.#reading = reading;
    this.#terms = terms;
    this.#readAt = readAt;
    this.#readAtLatest = readAt;
  }

  /** To be called after entries have been read. */
  async entriesWereRead(): Promise<void> {
    if (this.#terms === undefined) return;
    // In this order: the summary is written behind the entries, and before they have been taken over.
    const underWay = await this.#reading.beingTakenOver();
    const { readAt } = await this.#entries.summary();
    this.#readAtLatest = underWay === undefined ? readAt : Math.max(underWay, readAt ?? 0);
  }

  /** Milliseconds since the links were read, or more; undefined when that is not known. */
  age(): number | undefined {
    return this.#readAt === undefined ? undefined : Date.now() - this.#readAt;
  }

  /** As {@link age}, and never more than that: what a link of this age proves, it proves. */
  leastAge(): number | undefined {
    return this.#readAtLatest === undefined ? undefined : Date.now() - this.#readAtLatest;
  }

  /** Whether a refusal of a link of this age is about its file. */
  isGood(age: number | undefined): boolean {
    return age === undefined || this.#terms === undefined || age <= this.#terms.goodFor;
  }

  /** Whether the first of some entries has a link that has ended; gives all of them newer ones when there are some. */
  async haveEnded(entries: readonly Entry[]): Promise<boolean> {
    if (!this.#isPast(entries[0])) return false;
    const { readAt } = await this.#entries.summary();
    if (readAt === undefined || readAt <= (this.#readAt ?? 0)) return true;
    this.#readAt = readAt;
    await this.#entries.renewLinks(entries);
    await this.entriesWereRead();
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
export async function watchLinks(manifest: Manifest, terms: LinkTerms | undefined): Promise<LinkWatch> {
  return new LinkWatch(manifest, terms, terms === undefined ? undefined : (await manifest.entries.summary()).readAt);
}
