import { randomUUID } from 'node:crypto';
import type { Folder } from '../storage/folder.ts';
import { chunkOf } from './chunk-of.ts';
import { writeJson } from './json-document.ts';
import { receiptsFolder } from './layout.ts';
import type { Receipt } from './receipt.ts';
import { readReceipts } from './receipt.ts';

/** Milliseconds after which receipts are written; files of a worker that is killed before are read from the disk. */
const SAVE = 1000;

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
