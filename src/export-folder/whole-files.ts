import type { Entry } from '../fhir/entries.ts';
import type { Entries } from './entries.ts';
import type { PublishedFiles } from './published-files.ts';
import type { Receipt } from './receipt.ts';
import type { Receipts } from './receipts.ts';

/** Files that are looked at at once. */
const GROUP = 32;

/** Some entries, one after another: their files exist as their receipts say, or are missing. */
export interface FileGroup {
  whole: { entry: Entry; receipt: Receipt }[];
  missing: Entry[];
}

/**
 * Looks at the files of all entries of the manifest, in order.
 *
 * @param total how many there are
 */
export async function* wholeFiles(
  { entries, receipts, files }: { entries: Entries; receipts: Receipts; files: PublishedFiles },
  total: number,
): AsyncGenerator<FileGroup> {
  for (let at = 0; at < total;) {
    const chunk = await entries.from(at, total);
    const ofChunk = await receipts.of(chunk);
    for (let from = 0; from < chunk.length; from += GROUP) {
      yield groupOf(chunk.slice(from, from + GROUP), ofChunk, files);
    }
    at += chunk.length;
  }
}

async function groupOf(
  entries: readonly Entry[],
  receipts: ReadonlyMap<number, Receipt>,
  files: PublishedFiles,
): Promise<FileGroup> {
  const found = await Promise.all(
    entries.map(async (entry) => {
      const receipt = receipts.get(entry.ordinal);
      return { entry, receipt: receipt !== undefined && (await files.holds(receipt)) ? receipt : undefined };
    }),
  );
  return {
    whole: found.flatMap(({ entry, receipt }) => (receipt === undefined ? [] : [{ entry, receipt }])),
    missing: found.flatMap(({ entry, receipt }) => (receipt === undefined ? [entry] : [])),
  };
}
