import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Use } from '../destination-kind.ts';
import { toStorageError } from '../storage-error.ts';
import { absentAs } from './absent-as.ts';

/**
 * Looks at a time. One at a file system that hangs holds a thread of libuv's pool, which has four unless it was given
 * more, and each of many destinations may be on the same one.
 */
const MOST_LOOKS = 2;

let looking = 0;
const waiting: (() => void)[] = [];

/**
 * Looks whether a folder can be written to. One for exports may be missing: then the one in which it would be made.
 *
 * @returns bytes that are free there
 * @throws ExportError `DestinationFailed`; Error when a folder for records is not there
 */
export async function lookAtDirectory(folder: string, use: Use): Promise<number> {
  if (looking === MOST_LOOKS) await new Promise<void>((resolve) => waiting.push(resolve));
  else looking++;
  try {
    if (use === 'records') await mustBeThere(folder);
    return await look(folder);
  } finally {
    // Whoever is next takes the place.
    const next = waiting.shift();
    if (next === undefined) looking--;
    else next();
  }
}

/** @throws Error when a folder is not there, perhaps because what is mounted there is not */
export async function mustBeThere(folder: string): Promise<void> {
  if ((await absentAs(undefined, stat(folder))) === undefined)
    throw new Error(`${folder} does not exist; create it, or mount what belongs there`);
}

async function look(folder: string): Promise<number> {
  for (let place = folder; ; place = dirname(place)) {
    try {
      await access(place, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(place);
      return bavail * bsize;
    } catch (error) {
      // Nothing is above the root.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(place) !== place) continue;
      throw await toStorageError(error, place);
    }
  }
}
