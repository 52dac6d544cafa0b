import { createHash } from 'node:crypto';
import { AttachmentFinder } from '../fhir/attachment-finder.ts';
import { attachmentUrl, findAttachments as findIn } from '../fhir/attachments.ts';
import type { FoundAttachment } from '../fhir/attachments.ts';
import type { Entry } from '../fhir/entries.ts';
import type { JsonListener } from '../fhir/json-reader.ts';
import { RootFields } from '../fhir/long-line.ts';
import { removeQueries } from '../fhir/quote.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import { boundTries } from './bound-tries.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import { summaryOfAll } from '../export-folder/index-pages.ts';
import { withBodyMemory } from './body-memory.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import { attachmentMark } from '../export-folder/attachment-mark.ts';
import type { AttachmentEntries } from '../export-folder/attachment-entries.ts';
import type { Occurrence } from '../export-folder/found-attachments.ts';
import type { LineReader } from '../export-folder/read-lines.ts';
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

/** Milliseconds of search after which the place is reported, so that a killed worker costs no more. */
const TIME = 60_000;
/** Different URLs of one file that are remembered, so that what many resources name is fetched once: about 10 MB. */
const MOST_REMEMBERED = 100_000;
/** Attachments of a line that is too long to be held that wait for the name of their resource. */
const MOST_WAITING = 10_000;
/** Characters of the index: names of resources, and places in them and addresses. */
const LONGEST_NAME = 200;
const LONGEST_TEXT = 8000;

/**
 * Looks for attachments in the data files, one after another, and makes entries of them, whose ordinals follow those of
 * the manifest. An attempt that searches a file again finds the same in it; another run may find something else: its
 * receipts count by the mark of the URL.
 *
 * @throws ExportError `NotAllowed`, `DestinationFailed`
 */
export async function findAttachments(
  deps: ActivityDeps,
  { ref, file, next }: FindAttachmentsInput,
  attempt: Attempt,
): Promise<FindAttachmentsResult> {
  const folder = await ExportFolder.open(deps.config, ref);
  const server = await deps.servers.get(ref.server);
  server.requireAllowedFile({ kind: 'attachment', type: undefined });
  const { entries: files } = await withBodyMemory(attempt.signal, (hold) =>
    summaryOfAll(folder.pages, folder.entries, hold),
  );
  const entries = await folder.addAttachments(next);
  const started = Date.now();
  let at = file;
  for (let chunk: Entry[] = []; at < files && Date.now() - started < TIME; at++) {
    if (at > (chunk.at(-1)?.ordinal ?? -1)) chunk = await folder.entries.from(at, files);
    const entry = chunk[at - (chunk[0]?.ordinal ?? 0)];
    if (entry?.kind !== 'output') continue;
    attempt.report({ file: entry.name, attachments: entries.next });
    await boundTries(attempt, `${folder.location}/${entry.name}`, () =>
      searchFile(folder, entry, server, entries, attempt.signal),
    );
  }
  await entries.save();
  return { file: at, next: entries.next, finished: at >= files };
}

async function searchFile(
  folder: ExportFolder,
  file: Entry,
  server: FhirServer,
  entries: AttachmentEntries,
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, number>();
  const found = folder.found.write(file.ordinal);
  try {
    for await (const { resource, attachment } of folder.files.lines(file.name, ATTACHMENTS, signal)) {
      const url = attachmentUrl(attachment.url, server.config.baseUrl);
      const isAllowed = url === undefined || server.allowsAttachment(url);
      const key = url === undefined ? '' : keyOf(url);
      let ordinal = known.get(key);
      if (url !== undefined && isAllowed && ordinal === undefined) {
        const { contentType, size: fileSize, hash } = attachment;
        ordinal = await entries.add({ url, needsToken: file.needsToken, contentType, fileSize, hash });
        if (known.size >= MOST_REMEMBERED) known.clear();
        known.set(key, ordinal);
      }
      const named = url === undefined || ordinal === undefined ? undefined : { ordinal, link: attachmentMark(url) };
      await found.add({ ...occurrence(resource, attachment, named), ...(isAllowed ? {} : { notAllowed: true }) });
    }
    await found.publish();
  } finally {
    await found.discard();
  }
}

/** Short, however long a signed URL is. */
function keyOf(url: string): string {
  return createHash('sha256').update(url).digest().toString('latin1', 0, 16);
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
  named: { ordinal: number; link: string } | undefined,
): Occurrence {
  return {
    resource,
    element: element.slice(0, LONGEST_TEXT),
    url: removeQueries(url).slice(0, LONGEST_TEXT),
    ...(contentType === undefined ? {} : { contentType }),
    ...named,
  };
}
