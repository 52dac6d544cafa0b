import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { ExportError } from '../../errors.ts';
import { absentAs } from './absent-as.ts';

/**
 * Makes a folder below another one, unless it is there. Nothing is made where the path leads out, as by a symbolic link.
 *
 * @param root absolute; made as well
 * @throws ExportError `DestinationFailed` when the folder is not below the root
 */
export async function makeInside(root: string, path: string): Promise<{ realRoot: string; realFolder: string }> {
  const folder = join(root, path);
  await makeFolder(root).catch(rethrowFile);
  const realRoot = await realpath(root);
  requireInside(realRoot, await whatIsThere(folder), folder);
  await makeFolder(folder).catch(rethrowFile);
  const realFolder = await realpath(folder);
  requireInside(realRoot, realFolder, folder);
  return { realRoot, realFolder };
}

/** Attempts, where another process may remove a folder above that is empty. */
const ATTEMPTS = 10;

/**
 * Makes a folder and those above it, unless they are there. Not by `recursive` of Node's `mkdir`: that never ends where a
 * folder is there and says ENOENT to whatever is made in it, as `/proc` does.
 */
async function makeFolder(path: string): Promise<void> {
  for (let left = ATTEMPTS; ; left -= 1) {
    try {
      await mkdir(path, { mode: 0o700 });
      return;
    } catch (error) {
      if ((await absentAs(undefined, stat(path)))?.isDirectory() === true) return;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || left === 0) throw error;
      await makeFolder(dirname(path));
    }
  }
}

/** A file where the last folder should be is EEXIST to `mkdir`, one further up is ENOTDIR: to people it is the same. */
function rethrowFile(error: NodeJS.ErrnoException): never {
  throw error.code === 'EEXIST' ? Object.assign(error, { code: 'ENOTDIR' }) : error;
}

/** Where the part of a path leads that is there: what is missing would be made below. */
async function whatIsThere(path: string): Promise<string> {
  return (await absentAs(undefined, realpath(path))) ?? whatIsThere(dirname(path));
}

function requireInside(realRoot: string, real: string, folder: string): void {
  if (`${real}${sep}`.startsWith(`${realRoot}${sep}`)) return;
  throw new ExportError('DestinationFailed', `${folder} leads out of its destination, as by a symbolic link`);
}
