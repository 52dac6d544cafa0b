import type { ExportReport } from '../contract.ts';
import type { Folder } from '../storage/folder.ts';
import { chunkOf } from './export-state.ts';
import { FILES, troubleFile } from './layout.ts';
import type { Occurrence } from '../activities/find-attachments.ts';
import { publishAgain } from './publish-again.ts';
import type { LineReader } from './read-lines.ts';
import { readLines } from './read-lines.ts';
import type { Receipt } from './receipts.ts';
import { readReceipts } from './receipts.ts';
import type { Attempt } from '../activities/run-activity.ts';

/** Lines that are described at once. */
const GROUP = 32;

/**
 * Publishes `attachments/index.ndjson`: a line for each place at which a resource names an attachment, with the file
 * that holds it, or why there is none.
 */
export async function indexAttachments(
  folder: Folder,
  attempt: Attempt,
): Promise<NonNullable<ExportReport['attachments']>> {
  const counts = { files: 0, bytes: 0, missing: 0 };
  const receipts = new ReceiptReader(folder);
  const part = await folder.openPart('attachments');
  try {
    let lines = 0;
    for await (const group of groupsOf(folder, attempt.signal)) {
      attempt.signal.throwIfAborted();
      const described = await Promise.all(group.map(({ occurrence }) => describe(folder, receipts, occurrence)));
      for (const [position, line] of described.entries()) {
        if (group[position]?.isFirst === false) continue;
        if ('file' in line) {
          counts.files++;
          counts.bytes += line.bytes;
        } else counts.missing++;
      }
      await part.write(Buffer.from(described.map((line) => `${JSON.stringify(line)}\n`).join('')));
      lines += group.length;
      attempt.report({ attachments: lines });
    }
    await part.finish();
    await publishAgain(folder, part, FILES.attachments);
  } finally {
    await part.discard();
  }
  return counts;
}

interface Named {
  occurrence: Occurrence;
  /** The first place that names this attachment. */
  isFirst: boolean;
}

const OCCURRENCES: LineReader<Occurrence> = {
  whole: (value) => [value as Occurrence],
  long: () => {
    throw new TypeError('a line of ours is never so long');
  },
};

async function* groupsOf(folder: Folder, signal: AbortSignal): AsyncIterable<Named[]> {
  let group: Named[] = [];
  let last = -1;
  for (const name of (await folder.list(FILES.found)).sort((a, b) => parseInt(a) - parseInt(b))) {
    for await (const occurrence of readLines(folder, `${FILES.found}/${name}`, OCCURRENCES, signal)) {
      // Ordinals rise with the places that name something new.
      const isFirst = occurrence.ordinal === undefined || occurrence.ordinal > last;
      last = Math.max(last, occurrence.ordinal ?? -1);
      group.push({ occurrence, isFirst });
      if (group.length < GROUP) continue;
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

/** Receipts by ordinal; holds those of one chunk. */
class ReceiptReader {
  readonly #folder: Folder;
  #chunk = -1;
  #receipts: Promise<ReadonlyMap<number, Receipt>> = Promise.resolve(new Map());

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  async get(ordinal: number): Promise<Receipt | undefined> {
    if (this.#chunk !== chunkOf(ordinal)) {
      this.#chunk = chunkOf(ordinal);
      this.#receipts = readReceipts(this.#folder, this.#chunk);
    }
    return (await this.#receipts).get(ordinal);
  }
}

async function describe(folder: Folder, receipts: ReceiptReader, { ordinal, ...place }: Occurrence) {
  if (ordinal === undefined) return { ...place, missing: 'not a URL of https:' };
  const receipt = await receipts.get(ordinal);
  // The file itself is looked at too: a receipt alone does not prove that nobody removed it.
  if (receipt === undefined || (await folder.size(receipt.name)) !== receipt.bytes) {
    return { ...place, missing: (await folder.read(troubleFile(ordinal)))?.toString('utf8') ?? 'not fetched' };
  }
  const { name: file, bytes, sha256, differs } = receipt;
  return { ...place, file, bytes, sha256, ...(differs === undefined ? {} : { differs }) };
}
