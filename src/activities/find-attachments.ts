import { attachmentUrl, findAttachments as findIn } from '../fhir/attachments.ts';
import type { FoundAttachment } from '../fhir/attachments.ts';
import { CHUNK } from '../fhir/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import { removeQueries } from '../fhir/quote.ts';
import type { ExportFolder, Part } from '../storage/export-folder.ts';
import type { ActivityDeps } from './deps.ts';
import type { ExportRef } from './export-state.ts';
import { chunkOf, entriesFile, foundFile, openExportFolder, readEntries, readSummary } from './export-state.ts';
import { publishAgain } from './publish-again.ts';
import { parseLine, readRawLines } from './read-lines.ts';
import type { Attempt } from './run-activity.ts';

export interface FindAttachmentsInput {
  ref: ExportRef;
  /** Ordinal of the first file to be searched. */
  file: number;
  /** Ordinal of the next attachment. */
  next: number;
}

/** Where the search has come to; `finished` when every file has been searched. */
export interface FindAttachmentsResult {
  file: number;
  next: number;
  finished: boolean;
}

/** One place at which a resource names an attachment; a line of `.export/attachments/NNNNN.ndjson`. */
export interface Occurrence {
  /** `DocumentReference/123`. */
  resource: string;
  element: string;
  /** Without its query, which may be a signature. */
  url: string;
  contentType?: string;
  /** Entry under which it is fetched; absent when its URL cannot be fetched. */
  ordinal?: number;
}

/** Milliseconds of search after which the place is reported, so that a killed worker costs no more. */
const TIME = 60_000;
/** Different URLs of one file that are remembered, so that what many resources name is fetched once. */
const MOST_REMEMBERED = 100_000;
/** Longest line that can be a JavaScript string, with room to spare. */
const LONGEST_LINE = 256 * 1024 * 1024;

/**
 * Looks for attachments in the data files, one after another, and makes entries of them, whose ordinals follow those of
 * the manifest. Searching a file again gives the same entries.
 */
export async function findAttachments(
  deps: ActivityDeps,
  { ref, file, next }: FindAttachmentsInput,
  attempt: Attempt,
): Promise<FindAttachmentsResult> {
  const folder = await openExportFolder(deps, ref);
  const { baseUrl } = (await deps.servers.get(ref.server)).config;
  const { entries: files } = await readSummary(folder);
  const entries = await EntryWriter.open(folder, next);
  const started = Date.now();
  let at = file;
  for (let chunk: Entry[] = []; at < files && Date.now() - started < TIME; at++) {
    if (chunkOf(chunk[0]?.ordinal ?? -1) !== chunkOf(at)) chunk = await readEntries(folder, chunkOf(at));
    const entry = chunk.find(({ ordinal }) => ordinal === at);
    if (entry?.kind !== 'output') continue;
    attempt.report({ file: entry.name, attachments: entries.next });
    await searchFile(folder, entry, baseUrl.replace(/\/+$/, ''), entries, attempt);
  }
  await entries.end();
  return { file: at, next: entries.next, finished: at >= files };
}

async function searchFile(
  folder: ExportFolder,
  file: Entry,
  baseUrl: string,
  entries: EntryWriter,
  attempt: Attempt,
): Promise<void> {
  const known = new Map<string, number>();
  let part: Part | undefined;
  try {
    for await (const line of readRawLines(folder, file.name)) {
      attempt.signal.throwIfAborted();
      const lines: string[] = [];
      for (const { resource, attachment } of attachmentsOf(line)) {
        const url = attachmentUrl(attachment.url, baseUrl);
        let ordinal = url === undefined ? undefined : known.get(url);
        if (url !== undefined && ordinal === undefined) {
          ordinal = await entries.add(attachment, url, file.needsToken);
          if (known.size >= MOST_REMEMBERED) known.clear();
          known.set(url, ordinal);
        }
        lines.push(`${JSON.stringify(occurrence(resource, attachment, ordinal))}\n`);
      }
      if (lines.length === 0) continue;
      part ??= await folder.openPart(`found-${file.ordinal}`);
      await part.write(Buffer.from(lines.join('')));
    }
    if (part === undefined) return;
    await part.finish();
    await publishAgain(folder, part, foundFile(file.ordinal));
  } finally {
    await part?.discard();
  }
}

function* attachmentsOf(line: Buffer): Iterable<{ resource: string; attachment: FoundAttachment }> {
  if (!line.includes('"url"')) return;
  if (line.length > LONGEST_LINE) {
    yield { resource: 'a line that is too long to be searched', attachment: { element: '', url: '' } };
    return;
  }
  const resource = parseLine(line) as { resourceType?: unknown; id?: unknown };
  const name = `${String(resource.resourceType)}/${typeof resource.id === 'string' ? resource.id : ''}`;
  for (const attachment of findIn(resource)) yield { resource: name, attachment };
}

function occurrence(
  resource: string,
  { element, url, contentType }: FoundAttachment,
  ordinal: number | undefined,
): Occurrence {
  return {
    resource,
    element,
    url: removeQueries(url),
    ...(contentType === undefined ? {} : { contentType }),
    ...(ordinal === undefined ? {} : { ordinal }),
  };
}

/** Writes entries in chunks, going on in one that is there. */
class EntryWriter {
  next: number;
  readonly #folder: ExportFolder;
  #chunk: Entry[];

  private constructor(folder: ExportFolder, next: number, chunk: Entry[]) {
    this.#folder = folder;
    this.next = next;
    this.#chunk = chunk;
  }

  static async open(folder: ExportFolder, next: number): Promise<EntryWriter> {
    const there = await readEntries(folder, chunkOf(next));
    // Behind `next` are those of an attempt that was killed.
    return new EntryWriter(
      folder,
      next,
      there.filter(({ ordinal }) => ordinal < next),
    );
  }

  async add({ contentType, size, hash }: FoundAttachment, url: string, needsToken: boolean): Promise<number> {
    const ordinal = this.next++;
    this.#chunk.push({
      ordinal,
      page: 0,
      kind: 'attachment',
      index: 0,
      url,
      name: `attachment ${ordinal}`,
      needsToken,
      ...(contentType === undefined ? {} : { contentType }),
      ...(size === undefined ? {} : { fileSize: size }),
      ...(hash === undefined ? {} : { hash }),
    });
    if (this.next % CHUNK === 0) await this.end();
    return ordinal;
  }

  async end(): Promise<void> {
    const [first] = this.#chunk;
    if (first === undefined) return;
    await this.#folder.write(entriesFile(chunkOf(first.ordinal)), JSON.stringify(this.#chunk));
    if (this.next % CHUNK === 0) this.#chunk = [];
  }
}
