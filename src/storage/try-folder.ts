import type { Folder } from './folder.ts';

/**
 * Tries what an export needs of a destination, in a folder of its own that the caller removes.
 *
 * @throws Error what is wrong; what the destination throws
 */
export async function tryFolder(folder: Folder): Promise<void> {
  await folder.write('probe', 'probe');
  if ((await folder.read('probe'))?.toString() !== 'probe') throw new Error('what was written cannot be read');
  const again = [await folder.create('probe', 'again'), await folder.createAsLarge?.('probe', 'again')];
  if (again.includes(true)) {
    throw new Error('it overwrites what exists although it must not: two attempts could harm each other');
  }
  // Needs rights of its own, whose lack would show only at the very end of an export.
  await folder.removeParts();
}
