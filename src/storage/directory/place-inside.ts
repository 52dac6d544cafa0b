import { mkdir, realpath } from 'node:fs/promises';
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
  await mkdir(root, { recursive: true, mode: 0o700 }).catch(rethrowFile);
  const realRoot = await realpath(root);
  requireInside(realRoot, await whatIsThere(folder), folder);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(rethrowFile);
  const realFolder = await realpath(folder);
  requireInside(realRoot, realFolder, folder);
  return { realRoot, realFolder };
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
