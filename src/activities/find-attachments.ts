import { AttachmentFinder } from '../fhir/attachment-finder.ts';
import { attachmentUrl, findAttachments as findIn } from '../fhir/attachments.ts';
import type { FoundAttachment } from '../fhir/attachments.ts';
import { CHUNK } from '../policy/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import type { JsonListener } from '../fhir/json-reader.ts';
import { RootFields } from '../fhir/long-line.ts';
import { removeQueries } from '../fhir/quote.ts';
import type { Folder, Part } from '../storage/folder.ts';
import { boundTries } from './bound-tries.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import { chunkOf, entriesFrom, readEntries, readSummary } from '../export-folder/export-state.ts';
import { entriesFile, foundFile } from '../export-folder/layout.ts';
import { publishAgain } from '../export-folder/publish-again.ts';
import type { LineReader } from '../export-folder/read-lines.ts';
import { readLines } from '../export-folder/read-lines.ts';
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
const LONGEST_REMEMBERED = 2000;
/** Lines of the index that are written at once. */
const TOGETHER = 100;
/** Attachments of a line that is too long to be held that wait for the name of their resource. */
const MOST_WAITING = 10_000;
/** Characters of the index: names of resources, and places in them and addresses. */
const LONGEST_NAME = 200;
const LONGEST_TEXT = 8000;

/**
 * Looks for attachments in the data files, one after another, and makes entries of them, whose ordinals follow those of
 * the manifest. Searching a file again gives the same entries.
 */
export async function findAttachments(
  deps: ActivityDeps,
  { ref, file, next }: FindAttachmentsInput,
  attempt: Attempt,
): Promise<FindAttachmentsResult> {
  const { files: folder } = await ExportFolder.open(deps.config, ref);
  const { baseUrl } = (await deps.servers.get(ref.server)).config;
  const { entries: files } = await readSummary(folder);
  const entries = await EntryWriter.open(folder, next);
  const started = Date.now();
  let at = file;
  for (let chunk: Entry[] = []; at < files && Date.now() - started < TIME; at++) {
    if (chunkOf(chunk[0]?.ordinal ?? -1) !== chunkOf(at)) chunk = await entriesFrom(folder, at, files);
    const entry = chunk[at - (chunk[0]?.ordinal ?? 0)];
    if (entry?.kind !== 'output') continue;
    attempt.report({ file: entry.name, attachments: entries.next });
    await boundTries(attempt, `${folder.location}/${entry.name}`, () =>
      searchFile(folder, entry, baseUrl, entries, attempt),
    );
  }
  await entries.end();
  return { file: at, next: entries.next, finished: at >= files };
}

async function searchFile(
  folder: Folder,
  file: Entry,
  baseUrl: string,
  entries: EntryWriter,
  attempt: Attempt,
): Promise<void> {
  const known = new Map<string, number>();
  let part: Part | undefined;
  try {
    let lines: string[] = [];
    const write = async (): Promise<void> => {
      part ??= await folder.openPart(`found-${file.ordinal}`);
      await part.write(Buffer.from(lines.join('')));
      lines = [];
    };
    for await (const { resource, attachment } of readLines(folder, file.name, ATTACHMENTS, attempt.signal)) {
      const url = attachmentUrl(attachment.url, baseUrl);
      let ordinal = url === undefined ? undefined : known.get(url);
      if (url !== undefined && ordinal === undefined) {
        ordinal = await entries.add(attachment, url, file.needsToken);
        if (known.size >= MOST_REMEMBERED) known.clear();
        if (url.length <= LONGEST_REMEMBERED) known.set(url, ordinal);
      }
      lines.push(`${JSON.stringify(occurrence(resource, attachment, ordinal))}\n`);
      if (lines.length === TOGETHER) await write();
    }
    if (lines.length > 0) await write();
    if (part === undefined) return;
    await part.finish();
    await publishAgain(folder, part, foundFile(file.ordinal));
  } finally {
    await part?.discard();
  }
}

interface Named {
  resource: string;
  attachment: FoundAttachment;
}

const ATTACHMENTS: LineReader<Named> = {
  isWanted: (line) => line.includes('"url"'),
  *whole(value) {
    const { resourceType, id } = value as { resourceType?: unknown; id?: unknown };
    for (const attachment of findIn(value)) yield { resource: nameOf(resourceType, id), attachment };
  },
  long() {
    const root = new RootFields('resourceType', 'id');
    const found: FoundAttachment[] = [];
    const finder = new AttachmentFinder((attachment) => found.push(attachment));
    const take = (isLast = false): Named[] => {
      const [resourceType, id] = ['resourceType', 'id'].map((name) => root.found.get(name));
      // Their resource is named behind them: waited for as long as they are few.
      if (!isLast && found.length < MOST_WAITING && (resourceType === undefined || id === undefined)) return [];
      return found.splice(0).map((attachment) => ({ resource: nameOf(resourceType, id), attachment }));
    };
    return { listener: bothOf(root, finder), take };
  },
  // Found by its attachments alone: lines that look right are not parsed when they come.
  wrong: (detail) => [{ resource: `a line that cannot be searched: ${detail}`, attachment: { element: '', url: '' } }],
};

function nameOf(resourceType: unknown, id: unknown): string {
  return `${String(resourceType)}/${typeof id === 'string' ? id : ''}`.slice(0, LONGEST_NAME);
}

function bothOf(...listeners: readonly JsonListener[]): JsonListener {
  return {
    open: (kind) => listeners.forEach((one) => one.open(kind)),
    close: () => listeners.forEach((one) => one.close()),
    key: (name) => listeners.forEach((one) => one.key(name)),
    value: (value) => listeners.forEach((one) => one.value(value)),
  };
}

function occurrence(
  resource: string,
  { element, url, contentType }: FoundAttachment,
  ordinal: number | undefined,
): Occurrence {
  return {
    resource,
    element: element.slice(0, LONGEST_TEXT),
    url: removeQueries(url).slice(0, LONGEST_TEXT),
    ...(contentType === undefined ? {} : { contentType }),
    ...(ordinal === undefined ? {} : { ordinal }),
  };
}

/** Writes entries in chunks, going on in one that is there. */
class EntryWriter {
  next: number;
  readonly #folder: Folder;
  #chunk: Entry[];

  private constructor(folder: Folder, next: number, chunk: Entry[]) {
    this.#folder = folder;
    this.next = next;
    this.#chunk = chunk;
  }

  static async open(folder: Folder, next: number): Promise<EntryWriter> {
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
