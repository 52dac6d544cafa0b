import type { ExportReport } from '../contract.ts';
import { hasOtherScheme } from '../fhir/attachments.ts';
import type { Folder } from '../storage/folder.ts';
import { chunkOf } from './chunk-of.ts';
import type { FoundAttachments, Occurrence } from './found-attachments.ts';
import { FILES } from './layout.ts';
import { publishAgain } from './publish-again.ts';
import type { PublishedFiles } from './published-files.ts';
import type { Receipt } from './receipt.ts';
import type { Receipts } from './receipts.ts';
import type { Troubles } from './troubles.ts';

/** Lines that are described at once. */
const GROUP = 32;
/** Chunks whose receipts are held: as many as the lines of a group can be of. */
const HELD = GROUP;

interface Sources {
  found: FoundAttachments;
  receipts: Receipts;
  files: PublishedFiles;
  troubles: Troubles;
}

/**
 * Publishes `attachments/index.ndjson`: a line for each place at which a resource names an attachment, with the file
 * that holds it, or why it is missing.
 *
 * @param onLines called with the number of lines so far
 */
export async function publishAttachmentIndex(
  folder: Folder,
  sources: Sources,
  signal: AbortSignal,
  onLines: (lines: number) => void,
): Promise<NonNullable<ExportReport['attachments']>> {
  const counts = { files: 0, bytes: 0, missing: 0 };
  let leftOut = 0;
  const receipts = new ReceiptReader(sources.receipts);
  const part = await folder.openPart('attachments');
  try {
    let lines = 0;
    for await (const group of groupsOf(sources.found.all(signal))) {
      signal.throwIfAborted();
      const described = await Promise.all(group.map(({ occurrence }) => describe(sources, receipts, occurrence)));
      for (const [position, line] of described.entries()) {
        if (group[position]?.isFirst === false) continue;
        if (line.kind === 'missing') counts.missing++;
        if (line.kind === 'left out') leftOut++;
        if (line.kind === 'file') {
          counts.files++;
          counts.bytes += line.bytes;
        }
      }
      await part.write([Buffer.from(described.map(({ content }) => `${JSON.stringify(content)}\n`).join(''))]);
      lines += group.length;
      onLines(lines);
    }
    await part.finish();
    await publishAgain(folder, part, FILES.attachments);
  } finally {
    await part.discard();
  }
  return leftOut === 0 ? counts : { ...counts, leftOut };
}

interface Named {
  occurrence: Occurrence;
  /** The first place that names this attachment. */
  isFirst: boolean;
}

async function* groupsOf(occurrences: AsyncIterable<Occurrence>): AsyncGenerator<Named[]> {
  let group: Named[] = [];
  let last = -1;
  for await (const occurrence of occurrences) {
    // Ordinals rise with the places that name something new.
    const isFirst = occurrence.ordinal === undefined || occurrence.ordinal > last;
    last = Math.max(last, occurrence.ordinal ?? -1);
    group.push({ occurrence, isFirst });
    if (group.length < GROUP) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/**
 * Finds receipts. Resources name attachments of their own and common ones in turn, and to read a chunk costs many requests:
 * those of the chunks that were asked for last are held.
 */
class ReceiptReader {
  readonly #receipts: Receipts;
  /** By chunk; the one that was asked for last is the last. */
  readonly #held = new Map<number, Promise<ReadonlyMap<number, Receipt[]>>>();

  constructor(receipts: Receipts) {
    this.#receipts = receipts;
  }

  /** @param link mark of the attachment's URL */
  async get(ordinal: number, link: string | undefined): Promise<Receipt | undefined> {
    const found = (await this.#ofChunk(chunkOf(ordinal))).get(ordinal) ?? [];
    return found.findLast((receipt) => this.#receipts.isOfAttachment(receipt, link));
  }

  #ofChunk(chunk: number): Promise<ReadonlyMap<number, Receipt[]>> {
    const receipts = this.#held.get(chunk) ?? this.#receipts.ofChunk(chunk).then(byOrdinal);
    this.#held.delete(chunk);
    this.#held.set(chunk, receipts);
    const [oldest = chunk] = this.#held.keys();
    if (this.#held.size > HELD) this.#held.delete(oldest);
    return receipts;
  }
}

function byOrdinal(receipts: readonly Receipt[]): Map<number, Receipt[]> {
  const found = new Map<number, Receipt[]>();
  for (const receipt of receipts) {
    const same = found.get(receipt.ordinal);
    if (same === undefined) found.set(receipt.ordinal, [receipt]);
    else same.push(receipt);
  }
  return found;
}

/** A line of the index. */
type Line =
  | { kind: 'file'; bytes: number; content: object }
  /** `left out`: it is not fetched, and none of the next exports could. */
  | { kind: 'missing' | 'left out'; content: object };

async function describe(
  { files, troubles }: Sources,
  receipts: ReceiptReader,
  { ordinal, link, notAllowed, ...place }: Occurrence,
): Promise<Line> {
  if (notAllowed === true) return { kind: 'left out', content: { ...place, missing: 'not allowed: no Binary' } };
  if (ordinal === undefined) {
    // A line that could not be searched has no URL.
    if (place.url === '') return { kind: 'missing', content: { ...place, missing: 'not searched' } };
    if (hasOtherScheme(place.url)) return { kind: 'left out', content: { ...place, missing: 'not a URL of https:' } };
    // Too long, or no URL: a document that was to be fetched, and was not.
    return { kind: 'missing', content: { ...place, missing: 'not a URL that can be requested' } };
  }
  const receipt = await receipts.get(ordinal, link);
  if (receipt === undefined || !(await files.holds(receipt))) {
    return { kind: 'missing', content: { ...place, missing: await troubles.of(ordinal) } };
  }
  const { name: file, bytes, sha256, differs } = receipt;
  return { kind: 'file', bytes, content: { ...place, file, bytes, sha256, differs } };
}
