import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import { EntryList } from '../fhir/entries.ts';
import { linkEnd } from '../policy/link-end.ts';
import type { FileKind, Manifest } from '../fhir/manifest.ts';
import { readManifest } from '../fhir/manifest.ts';
import { resolveUrl } from '../fhir/resolve-url.ts';
import type { Room } from '../http/read-text.ts';
import type { Folder } from '../storage/folder.ts';
import { readJson, writeJson } from './json-document.ts';
import type { PagesFolder } from './layout.ts';
import { pageFile, pageMetaFile } from './layout.ts';

/** `.export/pages/NNNNN.json`: a manifest page that is stored as received beside it. */
export interface PageMeta {
  url: string;
  /** Where it came from after redirects, if that is not `url`. */
  base?: string;
  /** Absolute address of the next page. */
  next?: string;
  transactionTime: string;
  requiresAccessToken: boolean;
  organizedBy?: string;
  manifestType?: string;
  /** How many it names; absent in what earlier versions have stored. */
  files?: number;
  /** The same by kind. */
  kinds?: Record<FileKind, number>;
  /** `Expires` of the answer: ISO 8601. */
  expires?: string;
  /**
   * Its error files are those of earlier pages only when they differ in a signature at most. Absent in what earlier
   * versions have stored: when they are equal without query. The first page decides for all, or places would change.
   */
  errorsByQuery?: true;
  /** When it was read: milliseconds since the epoch, and how far the clock of the server is ahead of that. */
  readAt?: number;
  ahead?: number;
}

/** A manifest page, and the headers of its answer. */
export interface ReceivedPage {
  body: string;
  manifest: Manifest;
  /** That was asked. */
  url: string;
  /** That answered. Default: `url`. */
  base?: string | undefined;
  expires?: string | undefined;
  date?: string | undefined;
}

/** `Date` has whole seconds, and an answer takes its time. */
const SAME_CLOCK = 2000;

/** Stored manifest pages: those of the export, or those that a later reading of the manifest brings. */
export class ManifestPages {
  readonly #folder: Folder;
  readonly #where: PagesFolder;

  constructor(folder: Folder, where: PagesFolder) {
    this.#folder = folder;
    this.#where = where;
  }

  /** Descriptions of the stored pages, in order. */
  async all(): Promise<PageMeta[]> {
    const pages: PageMeta[] = [];
    for (;;) {
      const meta = await readJson<PageMeta>(this.#folder, pageMetaFile(pages.length + 1, this.#where));
      if (meta === undefined) return pages;
      pages.push(meta);
    }
  }

  /**
   * Stores a page as received; its description comes last, so that a page without one does not count.
   *
   * @param page from 1
   * @throws ExportError `InvalidManifest` when its link to the next page is not a URL
   */
  async store(page: number, { body, manifest, url, base = url, expires, date }: ReceivedPage): Promise<PageMeta> {
    const meta: PageMeta = {
      url,
      ...(base === url ? {} : { base }),
      ...(manifest.next === undefined ? {} : { next: resolveNext(manifest.next, base) }),
      transactionTime: manifest.transactionTime,
      requiresAccessToken: manifest.requiresAccessToken,
      ...(manifest.organizedBy === undefined ? {} : { organizedBy: manifest.organizedBy }),
      ...(manifest.manifestType === undefined ? {} : { manifestType: manifest.manifestType }),
      files: manifest.files.length,
      kinds: kindsOf(manifest),
      errorsByQuery: true,
      ...dateOf(expires),
      readAt: Date.now(),
      ...aheadOf(date),
    };
    await this.#folder.write(pageFile(page, this.#where), body);
    await this.describe(page, meta);
    return meta;
  }

  /** Replaces the description of a page. */
  async describe(page: number, meta: PageMeta): Promise<void> {
    await writeJson(this.#folder, pageMetaFile(page, this.#where), meta);
  }

  /**
   * Entries of stored pages, in order.
   *
   * @param room asked for room for each page, unless the caller holds enough
   * @param first of the pages with which they are compared. Default: their own
   * @throws ExportError `InvalidManifest`
   */
  async *entries(
    pages: readonly PageMeta[],
    room?: Pick<Room, 'take'>,
    first: PageMeta | undefined = pages[0],
  ): AsyncGenerator<Entry> {
    const list = new EntryList({ errorsByPath: first?.errorsByQuery !== true });
    for (const [position, meta] of pages.entries()) {
      const page = position + 1;
      await room?.take((await this.#folder.size(pageFile(page, this.#where))) ?? 0);
      const body = await this.#folder.read(pageFile(page, this.#where));
      const read = readManifest(body?.toString('utf8') ?? '');
      if (read.kind === 'unusable') throw new ExportError('InvalidManifest', `page ${page}: ${read.detail}`);
      for (const entry of addPage(list, read.manifest, page, meta.base ?? meta.url)) {
        yield { ...entry, ...endOf(entry.url, meta) };
      }
    }
  }
}

function kindsOf({ files }: Manifest): Record<FileKind, number> {
  const kinds = { output: 0, deleted: 0, error: 0 };
  for (const { kind } of files) kinds[kind]++;
  return kinds;
}

function addPage(list: EntryList, manifest: Manifest, page: number, url: string): Entry[] {
  try {
    return list.add(manifest, page, url);
  } catch {
    throw new ExportError('InvalidManifest', `page ${page} has a file URL that is not a URL`);
  }
}

/** When a link ends by its own words, by our clock. */
function endOf(url: string, { readAt, ahead = 0 }: PageMeta): { ends?: number } {
  const end = readAt === undefined ? undefined : linkEnd(url, readAt + ahead);
  return end === undefined ? {} : { ends: end - ahead };
}

function resolveNext(url: string, base: string): string {
  const resolved = resolveUrl(url, base);
  if (resolved === undefined) throw new ExportError('InvalidManifest', 'the link to the next page is not a URL');
  return resolved;
}

/** A moment in the past is how HTTP says "do not cache", not when the files end. */
function dateOf(expires: string | undefined): { expires?: string } {
  const time = expires === undefined ? Number.NaN : Date.parse(expires);
  return time > Date.now() ? { expires: new Date(time).toISOString() } : {};
}

function aheadOf(date: string | undefined): { ahead?: number } {
  const ahead = Date.parse(date ?? '') - Date.now();
  return Math.abs(ahead) > SAME_CLOCK ? { ahead } : {};
}
