import type { Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import { ExportError } from '../errors.ts';
import { CHUNK } from '../policy/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import { EntryList } from '../fhir/entries.ts';
import type { Manifest } from '../fhir/manifest.ts';
import { linkEnd } from '../policy/link-end.ts';
import { MANIFEST_TYPE, readManifest } from '../fhir/manifest.ts';
import { resolveUrl } from '../fhir/resolve-url.ts';
import type { Folder } from '../storage/folder.ts';
import type { ManifestSummary, PageMeta } from './export-state.ts';
import { chunkOf, readEntries } from './export-state.ts';
import { readJson, writeJson } from './json-document.ts';
import type { PagesFolder } from './layout.ts';
import { FILES, entriesFile, pageFile, pageMetaFile } from './layout.ts';
import type { Hold } from '../http/body-memory.ts';

/** Chunks of entries that are written at once. */
const MOST_WRITES = 8;

/** A manifest page, and the headers of its answer. */
export interface ReceivedPage {
  body: string;
  manifest: Manifest;
  url: string;
  expires?: string | undefined;
  date?: string | undefined;
}

/** Stores a manifest page as received; its description comes last, so that a page without one is not there. */
export async function storePage(
  folder: Folder,
  page: number,
  { body, manifest, url, expires, date }: ReceivedPage,
  where: PagesFolder = FILES.pages,
): Promise<PageMeta> {
  const meta: PageMeta = {
    url,
    ...(manifest.next === undefined ? {} : { next: nextPageUrl(manifest.next, url) }),
    transactionTime: manifest.transactionTime,
    requiresAccessToken: manifest.requiresAccessToken,
    ...(manifest.organizedBy === undefined ? {} : { organizedBy: manifest.organizedBy }),
    ...(manifest.manifestType === undefined ? {} : { manifestType: manifest.manifestType }),
    files: manifest.files.length,
    ...dateOf(expires),
    readAt: Date.now(),
    ...aheadOf(date),
  };
  await folder.write(pageFile(page, where), body);
  await writeJson(folder, pageMetaFile(page, where), meta);
  return meta;
}

/** Descriptions of the stored pages, in order. */
export async function readPages(folder: Folder, where: PagesFolder = FILES.pages): Promise<PageMeta[]> {
  const pages: PageMeta[] = [];
  for (;;) {
    const meta = await readJson<PageMeta>(folder, pageMetaFile(pages.length + 1, where));
    if (meta === undefined) return pages;
    pages.push(meta);
  }
}

/**
 * Writes the entries of all stored pages in chunks, and the manifest in short, which comes last. Entries that are there
 * keep their links: those of the pages may be older.
 */
export async function indexPages(folder: Folder, hold: Hold): Promise<ManifestSummary> {
  const pages = await readPages(folder);
  const first = pages[0] as PageMeta;
  const chunks = new ChunkWriter((chunk, entries) => writeChunk(folder, chunk, entries));
  let knownBytes: number | undefined = 0;
  let ends = Infinity;
  for await (const entry of entriesOfPages(folder, pages, FILES.pages, hold)) {
    const bytes = entry.length ?? entry.fileSize;
    knownBytes = knownBytes === undefined || bytes === undefined ? undefined : knownBytes + bytes;
    ends = Math.min(ends, entry.ends ?? Infinity);
    await chunks.add(entry);
  }
  const total = await chunks.end();
  const summary: ManifestSummary = {
    pages: pages.length,
    entries: total,
    transactionTime: first.transactionTime,
    ...linksOf(pages, ends),
    ...(first.organizedBy === undefined ? {} : { organizedBy: first.organizedBy }),
    ...(knownBytes === undefined ? {} : { knownBytes }),
  };
  await writeJson(folder, FILES.summary, summary);
  return summary;
}

/**
 * Entries of stored pages, in order.
 *
 * @param hold asked for room for each page, unless the caller holds enough
 */
export async function* entriesOfPages(
  folder: Folder,
  pages: readonly PageMeta[],
  where: PagesFolder = FILES.pages,
  hold?: Hold,
): AsyncGenerator<Entry> {
  const list = new EntryList();
  for (const [position, meta] of pages.entries()) {
    await hold?.take((await folder.size(pageFile(position + 1, where))) ?? 0);
    const read = readManifest((await folder.read(pageFile(position + 1, where)))?.toString('utf8') ?? '');
    if (read.kind === 'unusable') throw new ExportError('InvalidManifest', `page ${position + 1}: ${read.detail}`);
    for (const entry of addPage(list, read.manifest, position + 1, meta.url))
      yield { ...entry, ...endOf(entry.url, meta) };
  }
}

/**
 * What is known of the links to files.
 *
 * @param ends when the first of them ends by its own words; infinite when none says it
 */
export function linksOf(
  pages: readonly PageMeta[],
  ends: number,
): Pick<ManifestSummary, 'requiresAccessToken' | 'expires' | 'readAt' | 'linksEnd'> {
  const expires = pages.flatMap((page) => page.expires ?? []).sort()[0];
  const readAt = Math.max(...pages.map((page) => page.readAt ?? 0));
  return {
    ...(readAt > 0 ? { readAt } : {}),
    ...(ends === Infinity ? {} : { linksEnd: ends }),
    requiresAccessToken: pages.some((page) => page.requiresAccessToken),
    ...(expires === undefined ? {} : { expires }),
  };
}

/** What belongs to the link of an entry, and changes with it. */
export function linkOf({ url, needsToken, ends }: Entry): Pick<Entry, 'url' | 'needsToken' | 'ends'> {
  return { url, needsToken, ...(ends === undefined ? {} : { ends }) };
}

/** When a link ends by its own words, by our clock. */
function endOf(url: string, { readAt, ahead = 0 }: PageMeta): { ends?: number } {
  const end = readAt === undefined ? undefined : linkEnd(url, readAt + ahead);
  return end === undefined ? {} : { ends: end - ahead };
}

async function writeChunk(folder: Folder, chunk: number, entries: readonly Entry[]): Promise<void> {
  const known = new Map((await readEntries(folder, chunk)).map((entry) => [entry.ordinal, entry]));
  const kept = entries.map((entry) => {
    const { ends: _ends, ...rest } = entry;
    return { ...rest, ...linkOf(known.get(entry.ordinal) ?? entry) };
  });
  await folder.write(entriesFile(chunk), JSON.stringify(kept));
}

/** Writes entries in chunks, some at once: each is durable when it is written, which takes its time. */
export class ChunkWriter {
  readonly #writeChunk: (chunk: number, entries: readonly Entry[]) => Promise<void>;
  #chunk: Entry[] = [];
  #total = 0;
  #writing: Promise<void>[] = [];

  constructor(writeOne: (chunk: number, entries: readonly Entry[]) => Promise<void>) {
    this.#writeChunk = writeOne;
  }

  async add(entry: Entry): Promise<void> {
    this.#total++;
    if (this.#chunk.push(entry) === CHUNK) this.#write();
    if (this.#writing.length === MOST_WRITES) await this.#written();
  }

  /** How many entries there were. */
  async end(): Promise<number> {
    if (this.#chunk.length > 0) this.#write();
    await this.#written();
    return this.#total;
  }

  #write(): void {
    this.#writing.push(this.#writeChunk(chunkOf(this.#total - 1), this.#chunk));
    this.#chunk = [];
  }

  async #written(): Promise<void> {
    await Promise.all(this.#writing.splice(0));
  }
}

/** What is odd about the pages and yet no reason to fail. */
export function warningsOfPages(pages: readonly PageMeta[]): Warning[] {
  const first = pages[0];
  if (first === undefined) return [];
  const warnings: Warning[] = [];
  // Bulk Data IG 3.0: root fields of linked manifests equal the first one's.
  for (const field of ['transactionTime', 'requiresAccessToken', 'organizedBy'] as const) {
    const page = pages.findIndex((other) => other[field] !== first[field]) + 1;
    if (page > 0)
      warnings.push({
        code: 'PagesDisagree',
        message: `${field} of page ${page} differs from page 1, which was believed.`,
      });
  }
  if (first.transactionTime === '') warnings.push({ code: 'NoTransactionTime', message: WARNINGS.NoTransactionTime });
  if (first.manifestType !== undefined && !first.manifestType.startsWith(MANIFEST_TYPE)) {
    warnings.push({ code: 'UnknownManifestType', message: WARNINGS.UnknownManifestType });
  }
  return warnings;
}

function addPage(list: EntryList, manifest: Manifest, page: number, url: string): Entry[] {
  try {
    return list.add(manifest, page, url);
  } catch {
    throw new ExportError('InvalidManifest', `page ${page} has a file URL that is none`);
  }
}

function nextPageUrl(url: string, base: string): string {
  const resolved = resolveUrl(url, base);
  if (resolved === undefined) throw new ExportError('InvalidManifest', 'the link to the next page is not a URL');
  return resolved;
}

/** A moment in the past is how HTTP says "do not cache", not when the files end. */
function dateOf(expires: string | undefined): { expires?: string } {
  const time = expires === undefined ? Number.NaN : Date.parse(expires);
  return time > Date.now() ? { expires: new Date(time).toISOString() } : {};
}

/** `Date` has whole seconds, and an answer takes its time. */
const SAME_CLOCK = 2000;

function aheadOf(date: string | undefined): { ahead?: number } {
  const ahead = Date.parse(date ?? '') - Date.now();
  return Math.abs(ahead) > SAME_CLOCK ? { ahead } : {};
}
