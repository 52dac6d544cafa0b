import type { Folder } from '../storage/folder.ts';
import { mapLimited } from '../storage/map-limited.ts';
import { BatchReceipts } from './batch-receipts.ts';
import { chunkOf } from './chunk-of.ts';
import { readJson, writeJson } from './json-document.ts';
import { receiptsFolder } from './layout.ts';
import type { Receipt } from './receipt.ts';
import { readReceipts } from './receipt.ts';

/** Files that are looked at at once. */
const PARALLEL = 32;

/** Receipts of finished files, in chunks as their entries. */
export class Receipts {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** Begins a document for one attempt at a batch. @param ordinals of the batch */
  ofBatch(ordinals: readonly number[]): BatchReceipts {
    return new BatchReceipts(this.#folder, ordinals);
  }

  /** Receipts of one chunk by ordinal. */
  ofChunk(chunk: number): Promise<Map<number, Receipt>> {
    return readReceipts(this.#folder, chunk, 0, Infinity);
  }

  /**
   * Receipts, by ordinal, of files that exist as their receipts say. Somebody may have removed one, or the disk lost it:
   * its receipt is withdrawn, so that it is fetched again, instead of being missed at the end of this run and of every
   * later one. Nobody may be fetching these files.
   *
   * @param from the first entry, and `to` the last, both of one chunk
   */
  async thatHold(from: number, to: number): Promise<Map<number, Receipt>> {
    const chunk = chunkOf(from);
    const all = [...(await readReceipts(this.#folder, chunk, from, to))].filter(
      ([ordinal]) => ordinal >= from && ordinal <= to,
    );
    const sizes = await mapLimited(all, PARALLEL, ([, { name }]) => this.#folder.size(name));
    const lost = new Set(all.filter(([, { bytes }], place) => sizes[place] !== bytes).map(([ordinal]) => ordinal));
    if (lost.size > 0) await this.#withdraw(chunk, lost);
    return new Map(all.filter(([ordinal]) => !lost.has(ordinal)));
  }

  async #withdraw(chunk: number, lost: ReadonlySet<number>): Promise<void> {
    for (const name of await this.#folder.list(receiptsFolder(chunk))) {
      const document = `${receiptsFolder(chunk)}/${name}`;
      const receipts = (await readJson<Receipt[]>(this.#folder, document)) ?? [];
      const rest = receipts.filter(({ ordinal }) => !lost.has(ordinal));
      if (rest.length < receipts.length) await writeJson(this.#folder, document, rest);
    }
  }
}
