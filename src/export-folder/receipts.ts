import type { Entry } from '../fhir/entries.ts';
import type { Folder } from '../storage/folder.ts';
import { mapLimited } from '../storage/map-limited.ts';
import { attachmentMark } from './attachment-mark.ts';
import { BatchReceipts } from './batch-receipts.ts';
import type { Span } from './chunk-of.ts';
import { chunkOf, spansOf } from './chunk-of.ts';
import { FILES } from './layout.ts';
import { readJson, writeJson } from './json-document.ts';
import type { Receipt, StoredReceipt } from './receipt.ts';
import { readReceipts, receiptDocuments } from './receipt.ts';
import { removeCut, sizeNow } from './remove-cut.ts';

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
  async ofChunk(chunk: number): Promise<Receipt[]> {
    const stored = await readReceipts(this.#folder, { chunk, from: 0, to: Infinity });
    return stored.map(({ receipt }) => receipt);
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

  /**
   * Withdraws receipts of attachments that do not say by which URL they are known. The files stay: what comes again has the
   * same names.
   *
   * @param first ordinal of attachments
   */
  async forgetUnmarked(first: number): Promise<void> {
    for (const name of await this.#folder.listFolders(FILES.receipts)) {
      const chunk = Number(name);
      if (chunk < chunkOf(first)) continue;
      await this.#withdraw({ chunk, from: 0, to: Infinity }, ({ receipt }) => receipt.link === undefined);
    }
  }

  /** Receipts of some entries, by ordinal. */
  async of(entries: readonly Entry[]): Promise<Map<number, Receipt>> {
    return new Map((await this.#all(entries)).map(({ receipt }) => [receipt.ordinal, receipt]));
  }

  /**
   * Receipts, by ordinal, of files that exist as their receipts say. Somebody may have removed or cut one, or the disk
   * lost it. Then its receipt is withdrawn, so that it is fetched again, instead of being missed at the end of this run
   * and of every later one; and what is left of it is removed, because without its receipt nobody could see that it is
   * not whole. No other attempt is meant to be fetching these files: one that does so, because this one was frozen, keeps
   * what it has.
   */
  async thatHold(entries: readonly Entry[]): Promise<Map<number, Receipt>> {
    const found = await this.of(entries);
    const sizes = await sizesOf([...new Set([...found.values()].map(({ name }) => name))], (name) =>
      this.#folder.size(name),
    );
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
    const first = await this.#all(entries);
    const sizes = await sizesOf(namesOf(first), (name) => sizeNow(this.#folder, name));
    const known = new Set(first.map(keyOf));
    // Behind the sizes: another attempt may have fetched some again meanwhile. What it has stored is not touched.
    const stored = await this.#all(entries);
    const fetchedAgain = new Set(namesOf(stored.filter((one) => !known.has(keyOf(one)))));
    const whole = bytesByName(stored.filter((one) => known.has(keyOf(one))));
    const later = await sizesOf(namesOf(stored), async (name) => {
      if (fetchedAgain.has(name)) return sizeNow(this.#folder, name);
      const bytes = whole.get(name) ?? new Set();
      const told = sizes.get(name);
      return told !== undefined && bytes.has(told) ? told : removeCut(this.#folder, name, bytes);
    });
    const isAsSaid = ({ name, bytes }: Receipt): boolean => later.get(name) === bytes;
    const ordinals = new Set(entries.map(({ ordinal }) => ordinal));
    const isLost = (one: StoredReceipt): boolean =>
      ordinals.has(one.receipt.ordinal) && known.has(keyOf(one)) && !isAsSaid(one.receipt);
    for (const span of spansOf([...ordinals])) await this.#withdraw(span, isLost);
    return new Map(stored.filter(({ receipt }) => isAsSaid(receipt)).map(({ receipt }) => [receipt.ordinal, receipt]));
  }

  /** Also several of one entry that several attempts have stored. */
  async #all(entries: readonly Entry[]): Promise<StoredReceipt[]> {
    const wanted = new Map(entries.map((entry) => [entry.ordinal, entry]));
    const found = await Promise.all(spansOf([...wanted.keys()]).map((span) => readReceipts(this.#folder, span)));
    return found.flat().filter(({ receipt }) => {
      const entry = wanted.get(receipt.ordinal);
      return entry !== undefined && this.#isOf(receipt, entry);
    });
  }

  #isOf(receipt: Receipt, { kind, name, url }: Entry): boolean {
    return kind === 'attachment' ? this.isOfAttachment(receipt, attachmentMark(url)) : receipt.name === name;
  }

  async #withdraw(span: Span, isLost: (receipt: StoredReceipt) => boolean): Promise<void> {
    for (const document of await receiptDocuments(this.#folder, span)) {
      const receipts = (await readJson<Receipt[]>(this.#folder, document)) ?? [];
      const rest = receipts.filter((receipt) => !isLost({ document, receipt }));
      if (rest.length < receipts.length) await writeJson(this.#folder, document, rest);
    }
  }
}

/** Tells apart equal receipts of two attempts: each has a document of its own. */
function keyOf({ document, receipt }: StoredReceipt): string {
  return `${document} ${JSON.stringify(receipt)}`;
}

function namesOf(stored: readonly StoredReceipt[]): string[] {
  return [...new Set(stored.map(({ receipt }) => receipt.name))];
}

/** What receipts say of the bytes of each file. */
function bytesByName(stored: readonly StoredReceipt[]): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  for (const { receipt } of stored) {
    found.set(receipt.name, (found.get(receipt.name) ?? new Set<number>()).add(receipt.bytes));
  }
  return found;
}

/** By name. */
async function sizesOf(
  names: readonly string[],
  sizeOf: (name: string) => Promise<number | undefined>,
): Promise<Map<string, number | undefined>> {
  const sizes = await mapLimited(names, PARALLEL, sizeOf);
  return new Map(names.map((name, place) => [name, sizes[place]]));
}
