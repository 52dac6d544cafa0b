import type { TokenRef } from '../../auth/server-authorization.ts';
import type { ThreadPool } from '../../download/threads/pool.ts';
import type { BatchReceipts } from '../../export-folder/batch-receipts.ts';
import type { ExportFolder } from '../../export-folder/export-folder.ts';
import type { Receipt } from '../../export-folder/receipt.ts';
import type { Entry } from '../../fhir/entries.ts';
import type { FhirServer } from '../../fhir-server/fhir-server.ts';
import type { HttpClient } from '../../http/http-client.ts';
import type { OrdinalRange } from '../../policy/batches.ts';
import type { CountsByType } from '../../policy/type-counts.ts';
import type { LinkTerms } from '../../policy/link-life.ts';
import type { WorkerMetrics } from '../../telemetry/worker-metrics.ts';
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
  /** HTTP 401 is about the file: a new token has not helped others. */
  tokenIsGood?: true;
  /** What is known of how long links live; absent for attachments. */
  links?: LinkTerms;
  /** When an operator last wanted the export to resume: milliseconds since the epoch. */
  wokenAt?: number;
  /** When the job was seen to be complete: milliseconds since the epoch. */
  completeAt?: number;
  /** Only when the manifest says that files require it. */
  token?: TokenRef;
}

/** What a batch works with. */
export interface BatchContext {
  http: HttpClient;
  /** Undefined: all files are fetched in this thread. */
  threads: ThreadPool | undefined;
  /** Where the folder is. */
  place: { destination: string; path: string };
  folder: ExportFolder;
  server: FhirServer;
  attempt: Attempt;
  metrics: WorkerMetrics;
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
  /** Files that this attempt has stored, and has not counted yet. */
  stored: CountsByType;
  links: LinkWatch;
}

/** Reads the entries of a batch, and what earlier attempts have finished of it. */
export async function openBatch(request: BatchRequest, context: BatchContext): Promise<Batch> {
  const { folder } = context;
  const links = await watchLinks(folder, request.links);
  const entries = await folder.entries.ofRanges(request.ranges);
  await links.entriesWereRead();
  const receipts = folder.receipts.ofBatch(entries.map(({ ordinal }) => ordinal));
  // One that an operator wants again may have been lost after its receipt was written. Nobody else fetches these.
  const earlier = await (request.retry ? folder.receipts.thatHold(entries) : folder.receipts.of(entries));
  const unrecorded = await findUnrecorded(
    request,
    context,
    entries.filter(({ ordinal }) => !earlier.has(ordinal)),
  );
  return { ...context, request, entries, receipts, earlier, unrecorded, storing: new Background(), stored: {}, links };
}

/**
 * Looks for files that were published and not recorded: only where there can be some, because of small files each look
 * costs as much as storing a tenth of one. One that is overlooked is fetched once more, and found when it is published.
 */
async function findUnrecorded(
  { retry }: BatchRequest,
  { folder, attempt }: BatchContext,
  entries: readonly Entry[],
): Promise<Set<Entry>> {
  const isFirst = attempt.number === 1 && !retry && !folder.isAdopted;
  return isFirst && entries.length > 1 ? new Set() : folder.files.existing(entries);
}
