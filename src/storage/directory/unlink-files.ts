import { lstat, unlink } from 'node:fs/promises';
import { mapLimited } from '../map-limited.ts';
import { absentAs } from './absent-as.ts';

/** Files that are removed behind one check, all at once. */
const GROUP = 16;

/**
 * Removes files, but no folders.
 *
 * @param mayRemove asked before each group; it throws when none may be removed any more
 * @param onRemoved told the path of each one
 */
export async function unlinkFiles(
  paths: readonly string[],
  mayRemove: () => Promise<void>,
  onRemoved: (path: string) => void,
): Promise<void> {
  for (let from = 0; from < paths.length; from += GROUP) {
    const group = paths.slice(from, from + GROUP);
    const found = await Promise.all(group.map((path) => absentAs(undefined, lstat(path))));
    const files = group.filter((_, place) => found[place]?.isDirectory() === false);
    if (files.length === 0) continue;
    await mayRemove();
    await mapLimited(files, GROUP, async (path) => {
      await absentAs(undefined, unlink(path));
      onRemoved(path);
    });
  }
}
