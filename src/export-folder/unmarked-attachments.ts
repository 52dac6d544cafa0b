import { firstAttachment } from '../policy/batches.ts';
import type { ExportFolder } from './export-folder.ts';

/**
 * Forgets receipts of attachments that an earlier version has stored, for this run or one before, without a mark of their
 * URLs: nobody can say any more which of them are of what has their numbers now, and the index would miss what is there.
 *
 * @param entries of the manifest
 * @returns whether attachments are to be searched for again, because an earlier version has found some
 */
export async function forgetUnmarked(
  { isAdopted, found, receipts }: Pick<ExportFolder, 'isAdopted' | 'found' | 'receipts'>,
  entries: number,
  signal: AbortSignal,
): Promise<boolean> {
  // The numbers of a run that has had the folder alone are right.
  if (!isAdopted || !(await found.hasUnmarked(signal))) return false;
  await receipts.forgetUnmarked(firstAttachment(entries));
  return true;
}
