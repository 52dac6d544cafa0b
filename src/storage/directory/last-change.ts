import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from './absent-as.ts';

/**
 * When the last of all files in a folder was written; links are not followed.
 *
 * @param except path of a file that does not count
 */
export async function lastChangeIn(folder: string, except?: string): Promise<number | undefined> {
  const found = await absentAs(undefined, lstat(folder));
  if (found?.isDirectory() !== true) return undefined;
  let last: number | undefined;
  for (const entry of await absentAs([], readdir(folder, { withFileTypes: true }))) {
    const path = join(folder, entry.name);
    if (path === except) continue;
    const one = entry.isDirectory()
      ? await lastChangeIn(path, except)
      : (await absentAs(undefined, lstat(path)))?.mtimeMs;
    if (one !== undefined && one > (last ?? -Infinity)) last = one;
  }
  return last;
}
