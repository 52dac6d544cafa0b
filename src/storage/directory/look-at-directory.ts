import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Use } from '../destination-kind.ts';
import { toStorageError } from '../storage-error.ts';
import { absentAs } from './absent-as.ts';
import { freeBytes } from './free-bytes.ts';
import { mountOf } from './mount-of.ts';

/** Threads of libuv's pool where it was not given more. */
const LEAST_THREADS = 4;

/**
 * Looks at a time: what one at a file system that hangs holds is a thread of libuv's pool. The others stay with all that
 * a process does there beside it, such as reading files and looking up names.
 */
function mostLooks(): number {
  const threads = Number(process.env['UV_THREADPOOL_SIZE']) || LEAST_THREADS;
  return Math.max(2, threads - LEAST_THREADS);
}

/** File systems that are being looked at, one look at each: each that hangs costs one thread, and stops no other. */
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
  return looking.size < mostLooks() && !looking.has(mount);
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
      return freeBytes(await statfs(place));
    } catch (error) {
      // Nothing is above the root.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(place) !== place) continue;
      throw await toStorageError(error, place);
    }
  }
}
