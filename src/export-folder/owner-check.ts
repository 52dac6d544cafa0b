import { ExportError } from '../errors.ts';
import type { Folder } from '../storage/folder.ts';
import type { ExportRef } from './export-ref.ts';
import { JobRecord } from './job-record.ts';
import { readMark, takenOver } from './owner-mark.ts';
import { sharedCheck } from './shared-check.ts';

/** What the folder is opened for. */
export interface CheckOptions {
  /** This job is about to be started, or may never have been: the one that is recorded may be an earlier one, or none. */
  starting?: boolean;
  /**
   * Files are fetched: an attempt that wakes up when this run is complete or was given up would leave what nobody
   * removes.
   */
  fetching?: boolean;
}

/**
 * Makes the check that a folder still is this run's and its job still the one that the activity is about: an attempt that
 * was frozen, or hung in a file system that was unreachable, may wake up when another run or another job has its files
 * there. Nothing is remembered from one check to the next, which costs two small reads beside durable writes. Writes that
 * wait at the same time share one: with small files the reads would cost more than the files.
 *
 * @returns throws ExportError `DestinationFailed` when the folder belongs to somebody else, or the files are unwanted
 */
export function ownerCheck(
  folder: Folder,
  { mark, generation }: Pick<ExportRef, 'mark' | 'generation'>,
  { starting = false, fetching = false }: CheckOptions,
): () => Promise<void> {
  return sharedCheck(JSON.stringify([folder.location, mark, generation, starting, fetching]), async () => {
    const [job, found] = await Promise.all([new JobRecord(folder).read(), readMark(folder)]);
    if (found?.mark !== mark || !isJob(job?.generation, generation, starting)) throw takenOver(folder);
    if (!fetching || job?.over !== mark) return;
    throw new ExportError('DestinationFailed', `the export to ${folder.location} is over`);
  });
}

function isJob(found: number | undefined, wanted: number | undefined, starting: boolean): boolean {
  if (wanted === undefined) return true;
  return starting ? (found ?? 0) <= wanted : found === wanted;
}
