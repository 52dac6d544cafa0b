import { randomUUID } from 'node:crypto';
import type { Folder } from '../storage/folder.ts';
import { mapLimited } from '../storage/map-limited.ts';
import type { CheckedFile } from '../download/checked-file.ts';
import { chunkOf } from './export-state.ts';
import { readJson, writeJson } from './json-document.ts';
import { receiptsFolder } from './layout.ts';

/** What is known of a finished file. */
export interface Receipt extends CheckedFile {
  ordinal: number;
  name: string;
}

/** Files that are looked at at once. */
const PARALLEL = 32;
/** Milliseconds after which receipts are written; files of a worker that is killed before are read from the disk. */
const SAVE = 1000;

/**
 * `.export/receipts/N/FROM-TO.ID.json`: the receipts of one attempt at a batch, whose entries of the chunk N are from FROM
 * to TO. One document for all of them, because to write one durably costs as much as to write a small file.
 */
const DOCUMENT = /^(\d+)-(\d+)\./;

/** Receipts of one chunk by ordinal: those from one ordinal to another, both included, and maybe others. */
export async function readReceipts(
  folder: Folder,
  chunk: number,
  from = 0,
  to = Infinity,
): Promise<Map<number, Receipt>> {
  const names = (await folder.list(receiptsFolder(chunk))).filter((name) => {
    const [, first, last] = DOCUMENT.exec(name) ?? [];
    return first !== undefined && Number(first) <= to && Number(last) >= from;
  });
  const documents = await Promise.all(
    names.map((name) => readJson<Receipt[]>(folder, `${receiptsFolder(chunk)}/${name}`)),
  );
  return new Map(documents.flatMap((receipts) => receipts ?? []).map((receipt) => [receipt.ordinal, receipt]));
}

/**
 * Receipts as {@link readReceipts} has them, of files that are there as they say. Somebody may have removed one, or the
 * disk lost it: its receipt is taken back, so that it is fetched again, instead of being missed at the end of this run
 * and of every later one. Nobody may be fetching these files.
 */
export async function readReceiptsThatHold(
  folder: Folder,
  chunk: number,
  from: number,
  to: number,
): Promise<Map<number, Receipt>> {
  const all = [...(await readReceipts(folder, chunk, from, to))].filter(
    ([ordinal]) => ordinal >= from && ordinal <= to,
  );
  const sizes = await mapLimited(all, PARALLEL, ([, { name }]) => folder.size(name));
  const lost = new Set(all.filter(([, { bytes }], place) => sizes[place] !== bytes).map(([ordinal]) => ordinal));
  if (lost.size > 0) await takeBack(folder, chunk, lost);
  return new Map(all.filter(([ordinal]) => !lost.has(ordinal)));
}

async function takeBack(folder: Folder, chunk: number, lost: ReadonlySet<number>): Promise<void> {
  for (const name of await folder.list(receiptsFolder(chunk))) {
    const document = `${receiptsFolder(chunk)}/${name}`;
    const receipts = (await readJson<Receipt[]>(folder, document)) ?? [];
    const rest = receipts.filter(({ ordinal }) => !lost.has(ordinal));
    if (rest.length < receipts.length) await writeJson(folder, document, rest);
  }
}

/** The receipts of one attempt at a batch, and those of earlier attempts. */
export class BatchReceipts {
  readonly #folder: Folder;
  readonly #chunks = new Map<number, { from: number; to: number; document: string; added: Receipt[] }>();
  #unsaved = new Set<number>();
  #saved = Date.now();
  #saving: Promise<void> = Promise.resolve();

  /** @param ordinals of the batch */
  constructor(folder: Folder, ordinals: readonly number[]) {
    this.#folder = folder;
    const id = randomUUID();
    for (const chunk of new Set(ordinals.map(chunkOf))) {
      const ofChunk = ordinals.filter((ordinal) => chunkOf(ordinal) === chunk);
      const [from, to] = [Math.min(...ofChunk), Math.max(...ofChunk)];
      this.#chunks.set(chunk, { from, to, document: `${receiptsFolder(chunk)}/${from}-${to}.${id}.json`, added: [] });
    }
  }

  /** By ordinal. */
  async earlier(): Promise<Map<number, Receipt>> {
    const found = await Promise.all(
      [...this.#chunks].map(([chunk, { from, to }]) => readReceipts(this.#folder, chunk, from, to)),
    );
    return new Map(found.flatMap((receipts) => [...receipts]));
  }

  /** Keeps a receipt, and writes what is kept when the last time was a while ago. */
  async add(receipt: Receipt): Promise<void> {
    const chunk = chunkOf(receipt.ordinal);
    this.#chunks.get(chunk)?.added.push(receipt);
    this.#unsaved.add(chunk);
    if (Date.now() - this.#saved >= SAVE) await this.save();
  }

  /** Everything added is durable, and so are the files that it is of. */
  async save(): Promise<void> {
    this.#saved = Date.now();
    this.#saving = this.#saving.then(() => this.#write());
    await this.#saving;
  }

  async #write(): Promise<void> {
    const chunks = [...this.#unsaved];
    if (chunks.length === 0) return;
    this.#unsaved.clear();
    for (const chunk of chunks) {
      const { document, added } = this.#chunks.get(chunk) as { document: string; added: Receipt[] };
      await writeJson(this.#folder, document, added);
    }
  }
}
