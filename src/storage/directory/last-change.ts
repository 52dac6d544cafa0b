import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from './absent-as.ts';

/** When a file, or the last of all files in a folder, was written; links are not followed. */
export async function lastChange(path: string): Promise<number | undefined> {
  const found = await absentAs(undefined, lstat(path));
  if (found?.isDirectory() !== true) return found?.mtimeMs;
  let last: number | undefined;
  for (const name of await absentAs([], readdir(path))) {
    const one = await lastChange(join(path, name));
    if (one !== undefined && one > (last ?? -Infinity)) last = one;
  }
  return last;
}
