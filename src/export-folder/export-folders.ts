import { ExportError } from '../errors.ts';
import type { Folder } from '../storage/folder.ts';
import { STATE_FOLDER } from './layout.ts';

/** Keys of a bucket may have such parts, and requests for them may be resolved like paths; file systems have the last. */
const PASSED_OVER: readonly string[] = [STATE_FOLDER, '.', '..', 'lost+found'];

/**
 * Paths of all folders that an export may have taken: they have a folder `.export`. Links to folders are not followed,
 * and folders in such a folder are not looked into. The destination itself is no such folder.
 *
 * @param root the destination itself
 * @param options.most folders that are looked into; default: any number
 * @param options.isOutside of folders that are passed over, with all that is in them; default: none
 * @param options.onUnreadable told of each folder that cannot be read; default: it is an error. The destination itself must
 *   be readable
 * @throws Error when there are more
 */
export async function* exportFolders(
  root: Folder,
  {
    most = Infinity,
    isOutside = () => false,
    onUnreadable,
  }: {
    most?: number;
    isOutside?: (path: string) => boolean;
    onUnreadable?: (path: string, error: unknown) => void;
  } = {},
): AsyncGenerator<string> {
  const open = [''];
  for (let looked = 0; open.length > 0; looked += 1) {
    if (looked === most) {
      throw new Error(`${root.location} holds more than ${most} folders: earlier exports cannot be looked for`);
    }
    const path = open.shift() as string;
    let names: string[];
    try {
      names = await root.listFolders(path);
    } catch (error) {
      if (path === '') throw error;
      if (onUnreadable === undefined) throw named(path, error);
      onUnreadable(path, error);
      continue;
    }
    if (path !== '' && names.includes(STATE_FOLDER)) {
      yield path;
      continue;
    }
    const inner = names
      .filter((name) => !PASSED_OVER.includes(name))
      .map((name) => (path === '' ? name : `${path}/${name}`));
    // Not in one call: there may be hundreds of thousands.
    for (const one of inner) if (!isOutside(one)) open.push(one);
  }
}

/** Says which folder it is: a destination may hold thousands. */
function named(path: string, error: unknown): Error {
  const message = `the folder ${path} cannot be read: ${(error as Error).message}`;
  return error instanceof ExportError
    ? new ExportError(error.code, message, { cause: error })
    : new Error(message, { cause: error });
}
