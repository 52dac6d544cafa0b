import type { FileKind, Manifest } from './manifest.ts';
import { withoutSignature } from './signature-free.ts';

/** One file of the export, known by its place in the manifest; URLs expire and are renewed. */
export interface Entry {
  /** Place in the whole export, from 0: pages in order, in each `output`, `deleted`, `error`. */
  ordinal: number;
  /** Manifest page, from 1, and place in its array. */
  page: number;
  kind: FileKind | 'attachment';
  index: number;
  type?: string | undefined;
  /** Absolute. */
  url: string;
  /** Final name at the destination, relative to the export's folder; that of an attachment follows from its content. */
  name: string;
  count?: number | undefined;
  fileSize?: number | undefined;
  /** Its page says that files require the access token. */
  needsToken: boolean;
  /** When its link ends, as that says itself: milliseconds since the epoch. */
  ends?: number | undefined;
  /** Exact, where the server says so (DPC). */
  length?: number | undefined;
  sha256?: string | undefined;
  /** Of an attachment: what its resource says of the content. */
  contentType?: string | undefined;
  hash?: string | undefined;
}

/** Resource types begin with a capital; anything else in a manifest could be meant to become a path. */
const SAFE_TYPE = /^[A-Z][A-Za-z0-9]{0,63}$/;

/**
 * Turns manifest pages, given in order, into entries with names of our own: a name taken from a URL could collide,
 * or lead out of the folder.
 */
export class EntryList {
  readonly #numbers = new Map<string, number>();
  /** Error files so far, by what of their URLs is the file's: how many of one the page with the most of them has. */
  readonly #errors = new Map<string, number>();
  readonly #errorKey: (url: string) => string;
  #next = 0;

  /**
   * @param errorsByPath error files are the same when their URLs without query are, as earlier versions took them. Default:
   *   when they differ in a signature only: one that is fetched twice does no harm, one that is left out does
   */
  constructor({ errorsByPath = false }: { errorsByPath?: boolean } = {}) {
    this.#errorKey = errorsByPath ? (url) => url.replace(/[?#].*$/, '') : withoutSignature;
  }

  /**
   * Entries of the next page.
   *
   * @param pageUrl the address of the page, against which relative URLs are resolved (IG 1.0 allows them)
   * @throws TypeError when a URL cannot be resolved
   */
  add(manifest: Manifest, page: number, pageUrl: string): Entry[] {
    const errors = new Map<string, number>();
    return manifest.files.flatMap((file) => {
      const url = new URL(file.url, pageUrl).href;
      if (file.kind === 'error' && file.ofPage !== true && !this.#isNewError(url, errors)) return [];
      const { kind, index, type, count, fileSize, length, sha256 } = file;
      return [
        {
          ordinal: this.#next++,
          page,
          kind,
          index,
          type,
          url,
          needsToken: manifest.requiresAccessToken,
          name: this.#name(kind, type, manifest.organizedBy),
          count,
          fileSize,
          length,
          sha256,
        },
      ];
    });
  }

  /**
   * IG 3.0, read literally, repeats `error` on every page: one file when equal but for a signature. Within a page each
   * entry is a file of its own. `outcome` is of its page (IG 4).
   */
  #isNewError(url: string, ofPage: Map<string, number>): boolean {
    const key = this.#errorKey(url);
    const number = (ofPage.get(key) ?? 0) + 1;
    ofPage.set(key, number);
    if (number <= (this.#errors.get(key) ?? 0)) return false;
    this.#errors.set(key, number);
    return true;
  }

  #name(kind: FileKind, type: string | undefined, organizedBy: string | undefined): string {
    if (kind === 'deleted') return `deleted/${this.#numbered('Bundle', 'deleted')}`;
    if (kind === 'error') return `error/${this.#numbered('OperationOutcome', 'error')}`;
    if (type !== undefined && SAFE_TYPE.test(type)) return this.#numbered(type);
    if (organizedBy !== undefined && SAFE_TYPE.test(organizedBy)) return this.#numbered(`OrganizedBy${organizedBy}`);
    return this.#numbered('Resource');
  }

  #numbered(stem: string, folder = ''): string {
    // Counted without case, because `Patient` and `patient` are the same to some file systems.
    const key = `${folder}/${stem.toLowerCase()}`;
    const number = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, number);
    return `${stem}.${String(number).padStart(5, '0')}.ndjson`;
  }
}

/**
 * The `resourceType` that every line of an entry must have; undefined when any is right.
 * Source: Bulk Data IG 2.0 (deleted: Bundle), 4.0-ballot (no `type` for deleted and outcome).
 */
export function lineType(entry: Pick<Entry, 'kind' | 'type'>): string | undefined {
  if (entry.kind === 'deleted') return 'Bundle';
  if (entry.kind === 'error') return 'OperationOutcome';
  return entry.type;
}
