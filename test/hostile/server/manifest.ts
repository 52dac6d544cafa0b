import { randomBytes } from 'node:crypto';
import type { Case, FileCase } from '../case.ts';
import { linesOf } from '../content.ts';
import type { Journal } from '../journal.ts';

/** A link that was given out. */
export interface Link {
  file: number;
  reading: number;
  until: number;
}

/** The manifest of a case and the links in it, which live for a while. */
export class Links {
  readonly #case: Case;
  readonly #journal: Journal;
  readonly #base: string;
  readonly #links = new Map<string, Link>();
  readonly #first = new Map<number, { url: string; until: number }>();
  readonly #pages = new Map<string, { reading: number; page: number }>();
  #reading = 0;

  constructor(one: Case, journal: Journal, base: string) {
    this.#case = one;
    this.#journal = journal;
    this.#base = base;
  }

  get pages(): number {
    return Math.max(1, Math.ceil(this.#case.files.length / this.#case.perPage));
  }

  /** The first page of another reading of the manifest. */
  read(): { manifest: object; expires: number | undefined } {
    this.#reading++;
    return this.#page(this.#reading, 1);
  }

  /** A later page; undefined when there is none at this address. */
  readPage(path: string): { manifest: object; expires: number | undefined } | undefined {
    const found = this.#pages.get(path);
    return found === undefined ? undefined : this.#page(found.reading, found.page);
  }

  /** The link at an address; undefined when none was ever given out. */
  find(path: string): Link | undefined {
    return this.#links.get(path);
  }

  /** How often the manifest has been read. */
  get readings(): number {
    return this.#reading;
  }

  #page(reading: number, page: number): { manifest: object; expires: number | undefined } {
    const { links, perPage, organised, needsToken } = this.#case;
    const order = this.#orderOf(reading);
    const files = order.slice((page - 1) * perPage, page * perPage);
    const until = links.lifetime === undefined ? Infinity : Date.now() + links.lifetime;
    const lists: Record<FileCase['kind'], object[]> = { output: [], deleted: [], error: [] };
    for (const index of files) {
      const file = this.#case.files[index] as FileCase;
      lists[file.kind].push(this.#entry(file, index, reading, until));
    }
    const next = page < this.pages ? { link: [{ relation: 'next', url: this.#nextPage(reading, page + 1) }] } : {};
    const manifest = {
      transactionTime: '2026-01-02T03:04:05Z',
      request: `${this.#base}/fhir/$export`,
      requiresAccessToken: needsToken,
      ...(organised ? { outputOrganizedBy: 'Patient' } : {}),
      ...lists,
      ...next,
    };
    return { manifest, expires: links.said && links.lifetime !== undefined ? until : undefined };
  }

  #entry(file: FileCase, index: number, reading: number, until: number): object {
    const lines = linesOf(file, index, this.#case.attachments);
    const type = { output: this.#case.organised ? undefined : file.type, deleted: 'Bundle', error: 'OperationOutcome' }[
      file.kind
    ];
    return {
      ...(type === undefined ? {} : { type: this.#typeOf(type, index, reading) }),
      url: this.#linkOf(index, reading, until),
      ...(file.count === 'absent' ? {} : { count: file.count === 'right' ? lines : lines + 2 }),
    };
  }

  /** A manifest must not change; this one does, on request. */
  #typeOf(type: string, index: number, reading: number): string {
    return this.#case.links.renewal === 'other files' && reading > 1 && index === 0 ? 'Basic' : type;
  }

  /** The order of a reading: rotated, unless nobody could see that it is another. */
  #orderOf(reading: number): number[] {
    const { files, links } = this.#case;
    const natural = files.map((_, index) => index);
    if (!links.reordered || reading === 1) return natural;
    const by = (reading - 1) % files.length;
    const rotated = [...natural.slice(by), ...natural.slice(0, by)];
    const shape = (order: number[]): string =>
      order
        .map((index) =>
          JSON.stringify([files[index]?.kind, files[index]?.type, files[index]?.count, files[index]?.lines]),
        )
        .join();
    return links.renewal === 'new addresses' && shape(rotated) === shape(natural) ? natural : rotated;
  }

  #linkOf(index: number, reading: number, until: number): string {
    const { renewal } = this.#case.links;
    const first = this.#first.get(index);
    if (renewal === 'same' && first !== undefined) return first.url;
    const name = renewal === 'new addresses' ? randomBytes(6).toString('hex') : `f${index}`;
    const path = `/files/${name}.ndjson?sig=${this.#sign()}`;
    this.#links.set(path, { file: index, reading, until });
    const url = `${this.#base}${path}`;
    if (first === undefined) this.#first.set(index, { url, until });
    return url;
  }

  #nextPage(reading: number, page: number): string {
    const path = `/pages/${reading}-${page}?sig=${this.#sign()}`;
    this.#pages.set(path, { reading, page });
    return `${this.#base}${path}`;
  }

  #sign(): string {
    const signature = randomBytes(12).toString('hex');
    this.#journal.secrets.add(signature);
    return signature;
  }
}
