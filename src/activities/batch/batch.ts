import type { TokenRef } from '../../auth/server-authorization.ts';
import { ExportError } from '../../errors.ts';
import { chunkOf, readEntries } from '../../export-folder/export-state.ts';
import { FILES } from '../../export-folder/layout.ts';
import { publishedOf } from '../../export-folder/published-files.ts';
import type { Receipt } from '../../export-folder/receipts.ts';
import { BatchReceipts } from '../../export-folder/receipts.ts';
import type { Entry } from '../../fhir/entries.ts';
import type { FhirServer } from '../../fhir-server/fhir-server.ts';
import type { HttpClient } from '../../http/http-client.ts';
import type { OrdinalRange } from '../../policy/batches.ts';
import type { LinkTerms } from '../../policy/link-life.ts';
import type { Folder } from '../../storage/folder.ts';
import type { Attempt } from '../run-activity.ts';
import { Background } from './background.ts';
import type { LinkWatch } from './link-watch.ts';
import { watchLinks } from './link-watch.ts';

/** What the workflow says of a batch. */
export interface BatchRequest {
  /** The job that the files belong to. */
  generation: number;
  ranges: OrdinalRange[];
  /** These entries have been in trouble before: one that is refused again does not stop the others. */
  retry: boolean;
  /** A refusal is about the file: a new token has not helped others. */
  tokenIsGood?: true;
  /** What is known of how long links live; absent for attachments. */
  links?: LinkTerms;
  /** When an operator last wanted the export to resume: milliseconds since the epoch. */
  wokenAt?: number;
  /** Only when the manifest says that files require it. */
  token?: TokenRef;
}

/** What a batch works with. */
export interface BatchContext {
  http: HttpClient;
  folder: Folder;
  server: FhirServer;
  attempt: Attempt;
}

/** One attempt at a batch. */
export interface Batch extends BatchContext {
  request: BatchRequest;
  entries: Entry[];
  receipts: BatchReceipts;
  /** Receipts of earlier attempts, by ordinal. */
  earlier: ReadonlyMap<number, Receipt>;
  /** Files with their final names whose attempts were killed before they could write receipts. */
  unrecorded: ReadonlySet<Entry>;
  storing: Background;
  links: LinkWatch;
}

/** Reads the entries of a batch, and what earlier attempts have finished of it. */
export async function openBatch(request: BatchRequest, context: BatchContext): Promise<Batch> {
  const { folder } = context;
  const links = await watchLinks(folder, request.links);
  const entries = await entriesOf(folder, request.ranges);
  const receipts = new BatchReceipts(
    folder,
    entries.map(({ ordinal }) => ordinal),
  );
  const earlier = await receipts.earlier();
  const unrecorded = await publishedOf(
    folder,
    entries.filter(({ ordinal }) => !earlier.has(ordinal)),
  );
  return { ...context, request, entries, receipts, earlier, unrecorded, storing: new Background(), links };
}

async function entriesOf(folder: Folder, ranges: readonly OrdinalRange[]): Promise<Entry[]> {
  const chunks = new Map<number, Entry[]>();
  const entries: Entry[] = [];
  for (const [from, to] of ranges) {
    for (let ordinal = from; ordinal < to; ordinal++) {
      const chunk = chunkOf(ordinal);
      if (!chunks.has(chunk)) chunks.set(chunk, await readEntries(folder, chunk));
      const entry = chunks.get(chunk)?.find((one) => one.ordinal === ordinal);
      if (entry === undefined)
        throw new ExportError('DestinationFailed', `${folder.location}/${FILES.entries} has no entry ${ordinal}`);
      entries.push(entry);
    }
  }
  return entries;
}
