import { ExportFolder } from '../export-folder/export-folder.ts';
import type { ExportRef } from '../export-folder/export-ref.ts';
import type { CountsByType } from '../policy/type-counts.ts';
import { countFile } from '../policy/type-counts.ts';
import type { ActivityDeps } from './deps.ts';

export interface FindFilesInput {
  ref: ExportRef;
  /** At the destination, such as `Patient.00001.ndjson`. */
  names: readonly string[];
}

export interface FindFilesResult {
  /** Ordinals of those that are not there. */
  missing: number[];
  /** Of those, what the ones that have been complete were counted as, by ordinal. Earlier versions did not say it. */
  lost?: Record<number, CountsByType> | undefined;
  /** Names of those that are there. */
  whole: string[];
  /** Names that no file of the manifest has. */
  unknown: string[];
}

/** Finds files of the manifest by their names. Reads only. */
export async function findFiles(deps: ActivityDeps, { ref, names }: FindFilesInput): Promise<FindFilesResult> {
  const folder = await ExportFolder.open(deps.config, ref);
  const { entries: total } = await folder.entries.summary();
  const wanted = new Set(names);
  const lost: Record<number, CountsByType> = {};
  const found: FindFilesResult = { missing: [], lost, whole: [], unknown: [] };
  for (let at = 0; at < total && wanted.size > 0;) {
    const chunk = await folder.entries.from(at, total);
    const named = chunk.filter((entry) => wanted.delete(entry.name));
    const receipts = await folder.receipts.of(named);
    for (const entry of named) {
      const { name, ordinal } = entry;
      const receipt = receipts.get(ordinal);
      if (receipt !== undefined && (await folder.files.holds(receipt))) {
        found.whole.push(name);
        continue;
      }
      found.missing.push(ordinal);
      if (receipt !== undefined) countFile((lost[ordinal] = {}), entry, receipt);
    }
    at += chunk.length;
  }
  return { ...found, unknown: [...wanted] };
}
