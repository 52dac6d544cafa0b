import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Neighbour } from '../folder.ts';
import { WORK_FOLDER } from '../work-folder.ts';
import { absentAs } from './absent-as.ts';

/** Folders below a place that are looked into. */
const MOST_FOLDERS = 10_000;

/**
 * Finds a folder above a place, up to the root of the destination, or below it, which holds a file of one of the names.
 *
 * @param root and `place` are absolute
 */
export async function findNeighbour(
  root: string,
  place: string,
  names: readonly string[],
): Promise<Neighbour | undefined> {
  for (let above = place; above.length > root.length;) {
    above = dirname(above);
    if (await holdsOne(above, names)) return { is: 'above', location: above };
  }
  const folders = [place];
  for (let looked = 0; looked < MOST_FOLDERS && folders.length > 0; looked++) {
    const folder = folders.shift() as string;
    const entries = await absentAs([], readdir(folder, { withFileTypes: true }));
    for (const entry of entries) {
      if (!entry.isDirectory() || entry.name === WORK_FOLDER) continue;
      const below = join(folder, entry.name);
      if (await holdsOne(below, names)) return { is: 'below', location: below };
      folders.push(below);
    }
  }
  return undefined;
}

async function holdsOne(folder: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    if ((await absentAs(undefined, stat(join(folder, name)))) !== undefined) return true;
  }
  return false;
}
