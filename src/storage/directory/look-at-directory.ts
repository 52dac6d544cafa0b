import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Use } from '../destination-kind.ts';
import { toStorageError } from '../storage-error.ts';
import { absentAs } from './absent-as.ts';
import { mountOf } from './mount-of.ts';

/**
 * Looks at a time. One at a file system that hangs holds a thread of libuv's pool, which has four unless it was given
 * more.
 */
const MOST_LOOKS = 2;

/** File systems that are being looked at: one look at each, so that many folders on one that hangs leave a place. */
const looking = new Set<string>();
const waiting: { mount: string; begin: () => void }[] = [];

/**
 * Looks whether a folder can be written to. One for exports may be missing: then the one in which it would be made.
 *
 * @returns bytes that are free there
 * @throws ExportError `DestinationFailed`; Error when a folder for records is not there
 */
export async function lookAtDirectory(folder: string, use: Use): Promise<number> {
  const mount = await mountOf(folder);
  if (isFree(mount)) looking.add(mount);
  else await new Promise<void>((begin) => waiting.push({ mount, begin }));
  try {
    if (use === 'records') await mustBeThere(folder);
    return await look(folder);
  } finally {
    looking.delete(mount);
    // Whoever is next takes the place.
    const next = waiting.find((one) => isFree(one.mount));
    if (next !== undefined) {
      waiting.splice(waiting.indexOf(next), 1);
      looking.add(next.mount);
      next.begin();
    }
  }
}

function isFree(mount: string): boolean {
  return looking.size < MOST_LOOKS && !looking.has(mount);
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
