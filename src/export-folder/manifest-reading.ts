import type { Entry } from '../fhir/entries.ts';
import { matchEntries } from '../fhir/renewed-entries.ts';
import type { Folder } from '../storage/folder.ts';
import { chunkOf } from './chunk-of.ts';
import { ChunkWriter } from './chunk-writer.ts';
import type { Entries } from './entries.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES, renewedFile } from './layout.ts';
import { withLinkOf } from './link-of.ts';
import type { PageMeta, ReceivedPage } from './manifest-pages.ts';
import { ManifestPages } from './manifest-pages.ts';
import type { ManifestSummary } from './manifest-summary.ts';
import { linksOf } from './manifest-summary.ts';

/** Which reading of the manifest: of a run, by its mark, how often it has been read again before. */
export interface ReadingId {
  mark: string;
  reading: number;
}

/** How far a reading has come; its pages, and then the entries with their new links, are stored beside it. */
interface ReadingProgress extends ReadingId {
  pages: number;
  /** When the last of them was read, milliseconds since the epoch. */
  at: number;
  /**
   * All entries with new links are here, and then they have become the export's. Nothing else is done between the two:
   * a manifest could not be compared with entries of which some have new links.
   */
  matched?: 'stored' | 'taken';
  /** Of some files nothing but their order told which is which. */
  byOrder?: true;
}

export type Renewal =
  | { kind: 'renewed'; manifest: ManifestSummary }
  /** It lists other files than before, or such that may be others. */
  | { kind: 'other'; detail: string };

/** Milliseconds after which the pages of a reading that stopped are not fresh any more. */
const FRESH = 5 * 60_000;

/** `.export/reading/`: the manifest as it is read again, because links to files expire. */
export class ManifestReading {
  readonly #folder: Folder;
  readonly #entries: Entries;
  readonly #known: ManifestPages;
  readonly #pages: ManifestPages;

  /** @param known pages of the export */
  constructor(folder: Folder, entries: Entries, known: ManifestPages) {
    this.#folder = folder;
    this.#entries = entries;
    this.#known = known;
    this.#pages = new ManifestPages(folder, FILES.reading);
  }

  /**
   * Begins a reading, or resumes it while its pages are fresh. Ends another one that was stopped while its links became
   * the export's, whichever run began it.
   *
   * @param life milliseconds for which links are known to live
   */
  async begin(id: ReadingId, life: number): Promise<{ kind: 'finished' | 'open'; pages: PageMeta[] }> {
    const progress = await readJson<ReadingProgress>(this.#folder, FILES.readingProgress);
    if (progress?.matched === 'stored') await this.#takeOver(progress);
    const isResumed =
      progress?.mark === id.mark &&
      progress.reading === id.reading &&
      Date.now() - progress.at < Math.min(FRESH, life / 2);
    if (!isResumed) {
      await this.abandon();
      return { kind: 'open', pages: [] };
    }
    const pages = (await this.#pages.all()).slice(0, progress.pages);
    return { kind: progress.matched === undefined ? 'open' : 'finished', pages };
  }

  /** Stores a page, and that the reading has come so far. */
  async storePage({ mark, reading }: ReadingId, page: number, received: ReceivedPage): Promise<PageMeta> {
    const meta = await this.#pages.store(page, received);
    await this.#save({ mark, reading, pages: page, at: Date.now() });
    return meta;
  }

  /**
   * Gives the entries their new links. Entries of before and after are compared as a whole; nothing is changed unless
   * they are of the same files.
   *
   * @param pages of this reading
   * @param isSameMoment both are of the same `transactionTime`
   */
  async renewLinks({ mark, reading }: ReadingId, pages: readonly PageMeta[], isSameMoment: boolean): Promise<Renewal> {
    const before = await this.#allEntries();
    const after: Entry[] = [];
    const [first] = await this.#known.all();
    for await (const entry of this.#pages.entries(pages, undefined, first)) after.push(entry);
    const renewal = matchEntries(before, after, isSameMoment);
    if (renewal.kind === 'other') return renewal;
    const chunks = new ChunkWriter((chunk, some) => this.#folder.write(renewedFile(chunk), JSON.stringify(some)));
    try {
      for (const [order, entry] of before.entries()) {
        await chunks.add(withLinkOf(entry, after[renewal.places[order] as number] as Entry));
      }
      await chunks.end();
    } finally {
      await chunks.stop();
    }
    const stored: ReadingProgress = {
      mark,
      reading,
      pages: pages.length,
      at: Date.now(),
      matched: 'stored',
      ...(renewal.byOrder ? { byOrder: true } : {}),
    };
    await this.#save(stored);
    return { kind: 'renewed', manifest: await this.#takeOver(stored) };
  }

  /**
   * When the links were read that are becoming the export's, one chunk of entries after another; undefined when none are.
   * Milliseconds since the epoch.
   */
  async beingTakenOver(): Promise<number | undefined> {
    const progress = await readJson<ReadingProgress>(this.#folder, FILES.readingProgress);
    return progress?.matched === 'stored' ? progress.at : undefined;
  }

  /** Forgets the reading. */
  async abandon(): Promise<void> {
    await this.#folder.remove(FILES.reading);
  }

  async #allEntries(): Promise<Entry[]> {
    const { entries } = await this.#entries.summary();
    const all: Entry[] = [];
    while (all.length < entries) all.push(...(await this.#entries.from(all.length, entries)));
    return all;
  }

  /** Makes the new links the export's; as often as it takes, and also when entries have been added since. */
  async #takeOver(progress: ReadingProgress): Promise<ManifestSummary> {
    const known = await this.#entries.summary();
    const linked = progress.byOrder === true ? { linkedByOrder: known.linkedByOrder ?? progress.at } : {};
    const before: ManifestSummary = { ...known, ...linked };
    // First: nobody may end this, and the entries have their links.
    if (progress.byOrder === true) await this.#entries.saveSummary(before);
    let ends = Infinity;
    for (let chunk = 0; chunk <= chunkOf(before.entries - 1); chunk++) {
      const renewed = (await readJson<Entry[]>(this.#folder, renewedFile(chunk))) ?? [];
      const added = (await this.#entries.readChunk(chunk)).slice(renewed.length);
      const all = [...renewed, ...added];
      ends = Math.min(ends, ...all.map((entry) => entry.ends ?? Infinity));
      if (renewed.length > 0) await this.#entries.writeChunk(chunk, all);
    }
    const pages = await this.#pages.all();
    for (const [position, page] of (await this.#known.all()).entries()) {
      await this.#known.describe(position + 1, renewedPage(page, pages[position]));
    }
    // A poll may have added a page meanwhile.
    const { expires: _expires, linksEnd: _linksEnd, ...rest } = await this.#entries.summary();
    const summary: ManifestSummary = { ...rest, ...linksOf(pages, ends) };
    await this.#entries.saveSummary(summary);
    await this.#save({ ...progress, matched: 'taken' });
    return summary;
  }

  async #save(progress: ReadingProgress): Promise<void> {
    await writeJson(this.#folder, FILES.readingProgress, progress);
  }
}

function renewedPage(known: PageMeta, renewed: PageMeta | undefined): PageMeta {
  const { next, expires, requiresAccessToken, readAt } = renewed ?? {};
  const { next: oldNext, expires: _, ...meta } = known;
  return {
    ...meta,
    // Whether there is another page the poll alone decides.
    ...(oldNext === undefined ? {} : { next: next ?? oldNext }),
    ...(expires === undefined ? {} : { expires }),
    ...(readAt === undefined ? {} : { readAt }),
    requiresAccessToken: requiresAccessToken ?? known.requiresAccessToken,
  };
}
