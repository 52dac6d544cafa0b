import type { Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { OrdinalRange } from '../policy/batches.ts';
import { filesPerBatch, planBatches, plannable } from '../policy/batches.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { countFile } from '../policy/type-counts.ts';
import type { Entry } from '../fhir/entries.ts';
import type { ActivityDeps } from './deps.ts';
import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { ManifestSummary } from '../export-folder/manifest-summary.ts';
import type { Receipt } from '../export-folder/receipt.ts';

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
  // It removes what is left of files that were cut: not when it wakes up behind the end of the run.
  const folder = await ExportFolder.open(deps.config, ref, { fetching: true });
  const warnings = cursor === 0 ? await checkSpace(folder, await folder.entries.summary()) : [];
  const entries = await folder.entries.from(cursor, end);
  const receipts = await folder.receipts.thatHold(entries);
  const open = entries.filter(({ ordinal }) => !receipts.has(ordinal));
  const planned = plannable(open, seen);
  const next = open[planned.length]?.ordinal ?? cursor + entries.length;
  const done = countFinished(
    entries.filter(({ ordinal }) => ordinal < next),
    receipts,
  );
  return { batches: planBatches(planned, seen, filesPerBatch(total)), cursor: next, done, warnings };
}

/** Sizes are hints (Bulk Data IG 4.0-ballot), so that a disk that seems too small earns a warning, and no more. */
async function checkSpace(folder: ExportFolder, { knownBytes, entries }: ManifestSummary): Promise<Warning[]> {
  const free = knownBytes === undefined || entries === 0 ? undefined : await folder.freeSpace();
  if (free === undefined || knownBytes === undefined || knownBytes <= free) return [];
  // Files of an earlier run take up their space already.
  if (knownBytes <= free + (await folder.files.bytesOfOutput())) return [];
  const figures = `The files have ${megabytes(knownBytes)}, ${megabytes(free)} are free.`;
  return [{ code: 'SpaceMayBeShort', message: `${WARNINGS.SpaceMayBeShort} ${figures}` }];
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
