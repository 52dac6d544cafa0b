import type { Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { OrdinalRange } from '../policy/batches.ts';
import { CHUNK, filesPerBatch, planBatches, plannable } from '../policy/batches.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { countFile } from '../policy/type-counts.ts';
import type { Entry } from '../fhir/entries.ts';
import type { Folder } from '../storage/folder.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ManifestSummary } from '../export-folder/export-state.ts';
import { chunkOf, entriesFrom, readSummary } from '../export-folder/export-state.ts';
import type { Receipt } from '../export-folder/receipts.ts';
import { readReceiptsThatHold } from '../export-folder/receipts.ts';

export interface PlanDownloadsInput {
  ref: ExportRef;
  /** First entry that has not been planned, and the one behind the last. */
  cursor: number;
  end: number;
  /** Files in all. */
  total: number;
  /** What has been seen of each type's files, for the sizes that the manifest does not give. */
  seen: CountsByType;
}

export interface PlanDownloadsResult {
  batches: OrdinalRange[];
  cursor: number;
  /** Files that an earlier run has finished. */
  done: CountsByType;
  warnings: Warning[];
}

/**
 * Plans the next batches: entries of one chunk whose files are not there yet, so that an answer stays small however many
 * files there are.
 */
export async function planDownloads(
  deps: ActivityDeps,
  { ref, cursor, end, total, seen }: PlanDownloadsInput,
): Promise<PlanDownloadsResult> {
  const { files: folder } = await ExportFolder.open(deps.config, ref);
  const warnings = cursor === 0 ? await checkSpace(folder, await readSummary(folder)) : [];
  const chunk = chunkOf(cursor);
  const entries = await entriesFrom(folder, cursor, end);
  const receipts = await readReceiptsThatHold(folder, chunk, cursor, end - 1);
  const open = entries.filter(({ ordinal }) => !receipts.has(ordinal));
  const planned = plannable(open, seen);
  const next = open[planned.length]?.ordinal ?? Math.min(end, (chunk + 1) * CHUNK);
  const done = countFinished(
    entries.filter(({ ordinal }) => ordinal < next),
    receipts,
  );
  return { batches: planBatches(planned, seen, filesPerBatch(total)), cursor: next, done, warnings };
}

/** Sizes are hints (Bulk Data IG 4.0-ballot), so that a disk that seems too small earns a warning, and no more. */
async function checkSpace(folder: Folder, { knownBytes, entries }: ManifestSummary): Promise<Warning[]> {
  const free = knownBytes === undefined || entries === 0 ? undefined : await folder.freeSpace();
  if (free === undefined || knownBytes === undefined || knownBytes <= free) return [];
  if (knownBytes <= free + (await bytesThere(folder))) return [];
  const figures = `The files have ${megabytes(knownBytes)}, ${megabytes(free)} are free.`;
  return [{ code: 'SpaceMayBeShort', message: `${WARNINGS.SpaceMayBeShort} ${figures}` }];
}

/** Files of an earlier run take up their space already. */
async function bytesThere(folder: Folder): Promise<number> {
  const sizes = await Promise.all(
    (await folder.list('')).filter((name) => name.endsWith('.ndjson')).map((name) => folder.size(name)),
  );
  return sizes.reduce((sum: number, size) => sum + (size ?? 0), 0);
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6)} MB`;
}

function countFinished(entries: readonly Entry[], finished: ReadonlyMap<number, Receipt>): CountsByType {
  const done: CountsByType = {};
  for (const entry of entries) {
    const receipt = finished.get(entry.ordinal);
    if (receipt !== undefined) countFile(done, entry, receipt);
  }
  return done;
}
