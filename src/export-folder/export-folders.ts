import type { Folder } from '../storage/folder.ts';
import { STATE_FOLDER } from './layout.ts';

/**
 * Paths of all folders that an export may have taken: they have a folder `.export`. Links to folders are not followed,
 * and folders in such a folder are not looked into. The destination itself is no such folder.
 *
 * @param root the destination itself
 * @param options.most folders that are looked into; default: any number
 * @param options.isOutside of folders that are passed over, with all that is in them; default: none
 * @throws Error when there are more
 */
export async function* exportFolders(
  root: Folder,
  { most = Infinity, isOutside = () => false }: { most?: number; isOutside?: (path: string) => boolean } = {},
): AsyncGenerator<string> {
  const open = [''];
  for (let looked = 0; open.length > 0; looked += 1) {
    if (looked === most) {
      throw new Error(`${root.location} holds more than ${most} folders: earlier exports cannot be looked for`);
    }
    const path = open.shift() as string;
    const names = await root.listFolders(path);
    if (path !== '' && names.includes(STATE_FOLDER)) {
      yield path;
      continue;
    }
    const inner = names
      // Keys of a bucket may have such parts, and requests for them may be resolved like paths.
      .filter((name) => ![STATE_FOLDER, '.', '..'].includes(name))
      .map((name) => (path === '' ? name : `${path}/${name}`));
    open.push(...inner.filter((one) => !isOutside(one)));
  }
}
