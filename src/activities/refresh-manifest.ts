import { CHUNK } from '../policy/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import { matchEntries } from '../fhir/renewed-entries.ts';
import type { TroubleCause } from '../policy/trouble.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import { ExportError } from '../errors.ts';
import type { Folder } from '../storage/folder.ts';
import { askStatus } from '../fhir-server/ask-status.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ManifestSummary, PageMeta } from '../export-folder/export-state.ts';
import { chunkOf, entriesFrom, readEntries, readSummary } from '../export-folder/export-state.ts';
import { readJson, writeJson } from '../export-folder/json-document.ts';
import { FILES, entriesFile, pageMetaFile, renewedFile } from '../export-folder/layout.ts';
import { ChunkWriter, entriesOfPages, linkOf, linksOf, readPages, storePage } from '../export-folder/manifest-store.ts';
import type { Hold } from '../http/body-memory.ts';
import { withBodyMemory } from '../http/body-memory.ts';
import type { Attempt } from './run-activity.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';

export interface RefreshManifestInput {
  ref: ExportRef;
  /** How often it has been read again before. */
  reading: number;
  /** Milliseconds for which links are known to live: pages that a reading has had for longer are of no use. */
  life?: number;
  token?: TokenRef;
}

export type RefreshManifestResult =
  | TokenNeeded
  | { kind: 'refreshed'; manifest: ManifestSummary }
  | { kind: 'gone'; detail: string }
  /** It lists other files than before, or such that may be others. */
  | { kind: 'changed'; detail: string }
  | { kind: 'trouble'; cause: TroubleCause; detail: string; retryAfter?: number | undefined };

/** How far a reading has come; its pages, and then the entries with their new links, are stored beside it. */
interface ReadingProgress {
  mark: string;
  reading: number;
  pages: number;
  /** When the last of them was read, milliseconds since the epoch. */
  at: number;
  /**
   * All entries with new links are here, and then they have become the export's. Nothing else is done between the two:
   * a manifest could not be compared with entries of which some have new links.
   */
  matched?: 'stored' | 'taken';
}

/** Bytes of an entry in a manifest, about. */
const BYTES_OF_ENTRY = 300;

const PROGRESS = FILES.readingProgress;

/** Milliseconds after which the pages of a reading that stopped are not fresh any more. */
const FRESH = 5 * 60_000;

/**
 * Reads the manifest again, because links to files expire and a new reading may bring new ones (Bulk Data IG 3.0,
 * output file request). Entries keep their place and name and get the link of the same file. A retry, or the same
 * reading with another token, goes on after the pages that it has: there may be so many that a token ends before the
 * last.
 *
 * @throws ExportError `InvalidManifest`, `ExportFailed`, `AuthorizationFailed`, `DestinationFailed`
 */
export function refreshManifest(
  deps: ActivityDeps,
  input: RefreshManifestInput,
  attempt: Attempt,
): Promise<RefreshManifestResult> {
  return withBodyMemory(attempt.signal, (hold) => readAgain(deps, input, attempt, hold));
}

async function readAgain(
  deps: ActivityDeps,
  { ref, reading, life = Infinity, token }: RefreshManifestInput,
  attempt: Attempt,
  hold: Hold,
): Promise<RefreshManifestResult> {
  const { files: folder, job: record } = await ExportFolder.open(deps.config, ref);
  const progress = await readJson<ReadingProgress>(folder, PROGRESS);
  // Whoever began it: another run may have been stopped there.
  if (progress?.matched === 'stored') await takeOver(folder, progress);
  const summary = await readSummary(folder);
  const isOurs =
    progress?.mark === ref.mark && progress.reading === reading && Date.now() - progress.at < Math.min(FRESH, life / 2);
  if (isOurs && progress.matched !== undefined) return { kind: 'refreshed', manifest: summary };
  if (!isOurs) await folder.remove(FILES.reading);
  const pages = isOurs ? (await readPages(folder, FILES.reading)).slice(0, progress.pages) : [];
  const known = await readPages(folder);
  const job = await record.accepted();
  const server = await deps.servers.get(ref.server);
  for (;;) {
    const url = pages.length === 0 ? job.statusUrl : pages.at(-1)?.next;
    // While the server still works, pages that have not been there before are the poll's.
    if (url === undefined || (pages.length === known.length && known.at(-1)?.next !== undefined)) break;
    const page = pages.length + 1;
    if (pages.some((one) => one.url === url))
      throw new ExportError('InvalidManifest', `page ${pages.length} links back to an earlier page`);
    // As many as there can be, if every file has a page of its own now.
    if (page > known.length + summary.entries) return changed(folder, 'it has no end');
    attempt.report({ page });
    const answer = await askStatus(server, { url, terms: job, token, signal: attempt.signal, hold });
    if (answer.kind === 'gone' || answer.kind === 'trouble' || answer.kind === 'tokenNeeded') return answer;
    if (answer.kind !== 'manifest')
      return { kind: 'trouble', cause: 'unusable', detail: 'the server says the export is in progress again' };
    pages.push(await storePage(folder, page, { ...answer.page, manifest: answer.manifest }, FILES.reading));
    await writeProgress(folder, { mark: ref.mark, reading, pages: page, at: Date.now() });
  }
  // Entries of before and after are compared as a whole.
  await hold.take(summary.entries * BYTES_OF_ENTRY);
  const detail = await match(folder, summary, pages, pages[0]?.transactionTime === known[0]?.transactionTime);
  if (detail !== undefined) return changed(folder, detail);
  const stored = { mark: ref.mark, reading, pages: pages.length, at: Date.now(), matched: 'stored' as const };
  await writeProgress(folder, stored);
  return { kind: 'refreshed', manifest: await takeOver(folder, stored) };
}

async function changed(folder: Folder, detail: string): Promise<RefreshManifestResult> {
  await folder.remove(FILES.reading);
  return { kind: 'changed', detail: `the manifest was read again and may be of other files: ${detail}` };
}

/** Stores the entries with their new links, beside the old ones; says why it cannot, if so. */
async function match(
  folder: Folder,
  { entries }: ManifestSummary,
  pages: readonly PageMeta[],
  isSameMoment: boolean,
): Promise<string | undefined> {
  const before: Entry[] = [];
  for (let chunk = 0; before.length < entries; chunk++) {
    before.push(...(await entriesFrom(folder, chunk * CHUNK, entries)));
  }
  const after: Entry[] = [];
  for await (const entry of entriesOfPages(folder, pages, FILES.reading)) after.push(entry);
  const renewal = matchEntries(before, after, isSameMoment);
  if (renewal.kind === 'other') return renewal.detail;
  const chunks = new ChunkWriter((chunk, some) => folder.write(renewedFile(chunk), JSON.stringify(some)));
  for (const [order, entry] of before.entries()) {
    const { ends: _, ...rest } = entry;
    await chunks.add({ ...rest, ...linkOf(after[renewal.places[order] as number] as Entry) });
  }
  await chunks.end();
  return undefined;
}

/** Makes the new links the export's; as often as it takes, and also when entries have been added since. */
async function takeOver(folder: Folder, progress: ReadingProgress): Promise<ManifestSummary> {
  const before = await readSummary(folder);
  let ends = Infinity;
  for (let chunk = 0; chunk <= chunkOf(before.entries - 1); chunk++) {
    const renewed = (await readJson<Entry[]>(folder, renewedFile(chunk))) ?? [];
    const added = (await readEntries(folder, chunk)).slice(renewed.length);
    ends = Math.min(ends, ...[...renewed, ...added].map((entry) => entry.ends ?? Infinity));
    if (renewed.length > 0) await folder.write(entriesFile(chunk), JSON.stringify([...renewed, ...added]));
  }
  const pages = await readPages(folder, FILES.reading);
  for (const [position, known] of (await readPages(folder)).entries()) {
    const { next, expires, requiresAccessToken, readAt } = pages[position] ?? {};
    const { next: oldNext, expires: _, ...meta } = known;
    await writeJson(folder, pageMetaFile(position + 1, FILES.pages), {
      ...meta,
      // Whether there is another page the poll alone decides.
      ...(oldNext === undefined ? {} : { next: next ?? oldNext }),
      ...(expires === undefined ? {} : { expires }),
      ...(readAt === undefined ? {} : { readAt }),
      requiresAccessToken: requiresAccessToken ?? known.requiresAccessToken,
    } satisfies PageMeta);
  }
  const { expires: _expires, linksEnd: _linksEnd, ...rest } = before;
  const summary: ManifestSummary = { ...rest, ...linksOf(pages, ends) };
  await writeJson(folder, FILES.summary, summary);
  await writeProgress(folder, { ...progress, matched: 'taken' });
  return summary;
}

function writeProgress(folder: Folder, progress: ReadingProgress): Promise<void> {
  return writeJson(folder, PROGRESS, progress);
}
