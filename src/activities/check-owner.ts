import { ExportError } from '../errors.ts';
import type { ExportFolder } from '../storage/export-folder.ts';
import type { ExportRef, Job } from './export-state.ts';
import { FILES, readJson } from './export-state.ts';

/** Milliseconds for which the folder, once looked at, is taken to be still ours. */
const OURS_FOR = 1000;

/**
 * Makes a check that the folder still is this run's: an attempt that woke up late must not publish a file of an earlier
 * job among those of a later one.
 */
export function checkOwner(
  folder: ExportFolder,
  { generation, ref }: { generation: number; ref: ExportRef },
): () => Promise<void> {
  let looked = -Infinity;
  return async () => {
    if (Date.now() - looked < OURS_FOR) return;
    const now = Date.now();
    const [job, mark] = await Promise.all([
      readJson<Job>(folder, FILES.job),
      readJson<{ mark: string }>(folder, FILES.mark),
    ]);
    if (job?.generation !== generation || mark?.mark !== ref.mark) {
      throw new ExportError('DestinationFailed', `another run has taken over ${folder.location}`);
    }
    looked = now;
  };
}
