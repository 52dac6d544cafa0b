import type { Entry } from '../fhir/entries.ts';
import { withoutSignature } from '../fhir/signature-free.ts';
import { FileNamesWriter } from '../policy/file-names.ts';
import type { Room } from '../http/read-text.ts';
import { UrlCount } from '../policy/url-count.ts';
import { ChunkWriter } from './chunk-writer.ts';
import type { Entries } from './entries.ts';
import { withLinkOf } from './link-of.ts';
import type { ManifestPages, PageMeta } from './manifest-pages.ts';
import type { ManifestSummary } from './manifest-summary.ts';
import { earliestOf, linksOf } from './manifest-summary.ts';

/**
 * Writes the entries of all stored pages in chunks, and the manifest in short, which comes last. Entries that exist keep
 * their links: those of the pages may be older. An attempt that was held up, and saw fewer pages than there are by now,
 * takes nothing away.
 *
 * @param room for one page after another
 * @param judge throws when an entry must not be downloaded
 * @throws ExportError `InvalidManifest`; what `judge` throws
 */
export async function indexPages(
  pages: ManifestPages,
  entries: Entries,
  room: Pick<Room, 'take'>,
  judge: (entry: Entry) => void,
): Promise<ManifestSummary> {
  const all = await pages.all();
  const first = all[0] as PageMeta;
  const chunks = new ChunkWriter((chunk, some) => writeChunk(entries, chunk, some));
  const writer = new FileNamesWriter();
  let knownBytes: number | undefined = 0;
  let ends = Infinity;
  const urls = new UrlCount();
  let total: number;
  try {
    for await (const entry of pages.entries(all, room)) {
      judge(entry);
      writer.add(entry.name);
      if (entry.kind === 'output') urls.add(withoutSignature(entry.url));
      const bytes = entry.length ?? entry.fileSize;
      knownBytes = knownBytes === undefined || bytes === undefined ? undefined : knownBytes + bytes;
      ends = Math.min(ends, entry.ends ?? Infinity);
      await chunks.add(entry);
    }
    total = await chunks.end();
  } finally {
    await chunks.stop();
  }
  const names = writer.end();
  const known = await entries.indexed();
  const summary: ManifestSummary = {
    pages: all.length,
    entries: total,
    transactionTime: first.transactionTime,
    ...earliestOf(all),
    ...linksOf(all, ends),
    ...(urls.repeated === 0 ? {} : { listedTwice: urls.repeated }),
    ...(first.organizedBy === undefined ? {} : { organizedBy: first.organizedBy }),
    ...(names === undefined ? {} : { names }),
    ...(knownBytes === undefined ? {} : { knownBytes }),
    ...(known?.linkedByOrder === undefined ? {} : { linkedByOrder: known.linkedByOrder }),
  };
  if (known !== undefined && known.pages > summary.pages) return known;
  await entries.saveSummary(summary);
  return summary;
}

/**
 * The manifest in short, with all stored pages and their entries: an attempt that was held up may have written either with
 * fewer.
 */
export async function summaryOfAll(
  pages: ManifestPages,
  entries: Entries,
  room: Pick<Room, 'take'>,
): Promise<ManifestSummary> {
  const summary = await entries.summary();
  const stored = await pages.all();
  const isWhole = summary.pages >= stored.length && (await entries.areThere(summary.entries));
  return isWhole ? summary : indexPages(pages, entries, room, () => {});
}

async function writeChunk(entries: Entries, chunk: number, some: readonly Entry[]): Promise<void> {
  const known = await entries.readChunk(chunk);
  const links = new Map(known.map((entry) => [entry.ordinal, entry]));
  const last = some.at(-1)?.ordinal ?? -1;
  await entries.writeChunk(chunk, [
    ...some.map((entry) => withLinkOf(entry, links.get(entry.ordinal) ?? entry)),
    ...known.filter(({ ordinal }) => ordinal > last),
  ]);
}
