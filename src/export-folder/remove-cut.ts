import type { Folder } from '../storage/folder.ts';
import { refuseFinished } from './refuse-finished.ts';

/** Bytes of a file: networked file systems may tell an earlier size until the file is opened (NFS, close-to-open). */
export async function sizeNow(folder: Folder, name: string): Promise<number | undefined> {
  if ((await folder.size(name)) === undefined) return undefined;
  for await (const _ of folder.stream(name)) break;
  return folder.size(name);
}

/**
 * Removes a file that is not whole, so that it can be fetched again. An attempt that was frozen may get here when a later
 * one has fetched it, or when the export is complete: so both are looked at for each file, right before it is removed.
 *
 * @param whole numbers of bytes with which it is whole
 * @returns its bytes; undefined when it is not there any more
 * @throws FinishedMeanwhileError when it is not whole in a complete export
 */
export async function removeCut(folder: Folder, name: string, whole: ReadonlySet<number>): Promise<number | undefined> {
  const told = await folder.size(name);
  if (told === undefined || whole.has(told)) return told;
  await refuseFinished(folder);
  const bytes = await sizeNow(folder, name);
  if (bytes !== undefined && whole.has(bytes)) return bytes;
  await folder.removeFile(name);
  return undefined;
}
