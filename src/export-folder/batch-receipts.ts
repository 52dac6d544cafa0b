import { randomUUID } from 'node:crypto';
import type { Folder } from '../storage/folder.ts';
import { chunkOf, spansOf } from './chunk-of.ts';
import { writeJson } from './json-document.ts';
import { receiptsFolder } from './layout.ts';
import type { Receipt } from './receipt.ts';

/** Milliseconds after which receipts are written; files of a worker that is killed before are read from the disk. */
const SAVE = 1000;

/** The receipts of one attempt at a batch. */
export class BatchReceipts {
  readonly #folder: Folder;
  readonly #chunks = new Map<number, { document: string; added: Receipt[] }>();
  #unsaved = new Set<number>();
  #saved = Date.now();
  #saving: Promise<void> = Promise.resolve();

  /** @param ordinals of the batch */
  constructor(folder: Folder, ordinals: readonly number[]) {
    this.#folder = folder;
    const id = randomUUID();
    for (const { chunk, from, to } of spansOf(ordinals)) {
      this.#chunks.set(chunk, { document: `${receiptsFolder(chunk)}/${from}-${to}.${id}.json`, added: [] });
    }
  }

  /** Keeps a receipt, and writes what is kept when the last time was a while ago. */
  async add(receipt: Receipt): Promise<void> {
    const chunk = chunkOf(receipt.ordinal);
    this.#chunks.get(chunk)?.added.push(receipt);
    this.#unsaved.add(chunk);
    if (Date.now() - this.#saved >= SAVE) await this.save();
  }

  /** Everything added is durable, and so are the files that it is of. What could not be written is tried again with the next. */
  async save(): Promise<void> {
    this.#saved = Date.now();
    const saving = this.#saving.catch(() => {}).then(() => this.#write());
    this.#saving = saving;
    await saving;
  }

  async #write(): Promise<void> {
    const chunks = [...this.#unsaved];
    for (const chunk of chunks) {
      const { document, added } = this.#chunks.get(chunk) as { document: string; added: Receipt[] };
      this.#unsaved.delete(chunk);
      try {
        await writeJson(this.#folder, document, added);
      } catch (error) {
        this.#unsaved.add(chunk);
        throw error;
      }
    }
  }
}
