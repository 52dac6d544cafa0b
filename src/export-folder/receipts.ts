import type { Entry } from '../fhir/entries.ts';
import type { Folder } from '../storage/folder.ts';
import { mapLimited } from '../storage/map-limited.ts';
import { attachmentMark } from './attachment-mark.ts';
import { BatchReceipts } from './batch-receipts.ts';
import type { Span } from './chunk-of.ts';
import { spansOf } from './chunk-of.ts';
import { readJson, writeJson } from './json-document.ts';
import type { Receipt } from './receipt.ts';
import { readReceipts, receiptDocuments } from './receipt.ts';
import { refuseFinished } from './refuse-finished.ts';

/** Files that are looked at at once. */
const PARALLEL = 32;

/** Receipts of finished files, in chunks as their entries. */
export class Receipts {
  readonly #folder: Folder;
  readonly #adoptedAt: number | undefined;

  /** @param adoptedAt when this run took the folder, if an earlier one had it: milliseconds since the epoch */
  constructor(folder: Folder, adoptedAt?: number) {
    this.#folder = folder;
    this.#adoptedAt = adoptedAt;
  }

  /** Begins a document for one attempt at a batch. @param ordinals of the batch */
  ofBatch(ordinals: readonly number[]): BatchReceipts {
    return new BatchReceipts(this.#folder, ordinals);
  }

  /** All of one chunk, also those that are of nothing any more. */
  ofChunk(chunk: number): Promise<Receipt[]> {
    return readReceipts(this.#folder, { chunk, from: 0, to: Infinity });
  }

  /**
   * Whether a receipt is of the attachment that has its number now. Each run numbers what it finds, and may find something
   * else: the configuration allows less, or a file has come again with its lines in another order.
   *
   * @param mark of the attachment's URL; undefined where an earlier version of this client has found it
   */
  isOfAttachment({ link, askedAt = 0 }: Receipt, mark: string | undefined): boolean {
    if (link !== undefined && mark !== undefined) return link === mark;
    // Of an earlier version, which stored no mark: right when this run has numbered it.
    return this.#adoptedAt === undefined || askedAt >= this.#adoptedAt;
  }

  /** Receipts of some entries, by ordinal. */
  async of(entries: readonly Entry[]): Promise<Map<number, Receipt>> {
    return new Map((await this.#all(entries)).map((receipt) => [receipt.ordinal, receipt]));
  }

  /**
   * Receipts, by ordinal, of files that exist as their receipts say. Somebody may have removed or cut one, or the disk
   * lost it. Then its receipt is withdrawn, so that it is fetched again, instead of being missed at the end of this run
   * and of every later one; and what is left of it is removed, because without its receipt nobody could see that it is
   * not whole. Nobody may be fetching these files.
   */
  async thatHold(entries: readonly Entry[]): Promise<Map<number, Receipt>> {
    const found = await this.of(entries);
    const sizes = await sizesOf([...found.values()], (name) => this.#folder.size(name));
    const doubtful = entries.filter(({ ordinal }) => {
      const receipt = found.get(ordinal);
      return receipt !== undefined && sizes.get(receipt.name) !== receipt.bytes;
    });
    if (doubtful.length === 0) return found;
    for (const { ordinal } of doubtful) found.delete(ordinal);
    return new Map([...found, ...(await this.#lookAgain(doubtful))]);
  }

  /** @returns receipts that hold after all */
  async #lookAgain(entries: readonly Entry[]): Promise<Map<number, Receipt>> {
    const sizes = await sizesOf(await this.#all(entries), (name) => this.#sizeNow(name));
    const isAsSaid = ({ name, bytes }: Receipt): boolean => sizes.get(name) === bytes;
    // Behind the sizes: another attempt may have fetched them meanwhile. Its files are known by its receipts alone.
    const receipts = (await this.#all(entries)).filter(({ name }) => sizes.has(name));
    const holding = receipts.filter(isAsSaid);
    const whole = new Set(holding.map(({ name }) => name));
    const cut = new Set(
      receipts.map(({ name }) => name).filter((name) => !whole.has(name) && sizes.get(name) !== undefined),
    );
    if (cut.size > 0) await refuseFinished(this.#folder);
    await mapLimited([...cut], PARALLEL, (name) => this.#folder.removeFile(name));
    const ordinals = new Set(entries.map(({ ordinal }) => ordinal));
    const isLost = (receipt: Receipt): boolean =>
      ordinals.has(receipt.ordinal) && sizes.has(receipt.name) && !isAsSaid(receipt);
    for (const span of spansOf([...ordinals])) await this.#withdraw(span, isLost);
    return new Map(holding.map((receipt) => [receipt.ordinal, receipt]));
  }

  /** Also several of one entry that several attempts have stored. */
  async #all(entries: readonly Entry[]): Promise<Receipt[]> {
    const wanted = new Map(entries.map((entry) => [entry.ordinal, entry]));
    const found = await Promise.all(spansOf([...wanted.keys()]).map((span) => readReceipts(this.#folder, span)));
    return found.flat().filter((receipt) => {
      const entry = wanted.get(receipt.ordinal);
      return entry !== undefined && this.#isOf(receipt, entry);
    });
  }

  #isOf(receipt: Receipt, { kind, name, url }: Entry): boolean {
    return kind === 'attachment' ? this.isOfAttachment(receipt, attachmentMark(url)) : receipt.name === name;
  }

  /** Bytes of a file: networked file systems may tell an earlier size until the file is opened (NFS, close-to-open). */
  async #sizeNow(name: string): Promise<number | undefined> {
    if ((await this.#folder.size(name)) === undefined) return undefined;
    for await (const _ of this.#folder.stream(name)) break;
    return this.#folder.size(name);
  }

  async #withdraw(span: Span, isLost: (receipt: Receipt) => boolean): Promise<void> {
    for (const document of await receiptDocuments(this.#folder, span)) {
      const receipts = (await readJson<Receipt[]>(this.#folder, document)) ?? [];
      const rest = receipts.filter((receipt) => !isLost(receipt));
      if (rest.length < receipts.length) await writeJson(this.#folder, document, rest);
    }
  }
}

/** By name. */
async function sizesOf(
  receipts: readonly Receipt[],
  sizeOf: (name: string) => Promise<number | undefined>,
): Promise<Map<string, number | undefined>> {
  const names = [...new Set(receipts.map(({ name }) => name))];
  const sizes = await mapLimited(names, PARALLEL, sizeOf);
  return new Map(names.map((name, place) => [name, sizes[place]]));
}
