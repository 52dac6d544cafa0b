import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toStorageError } from '../storage-error.ts';

/**
 * Looks whether a folder, or the one in which it would be made, can be written to.
 *
 * @returns bytes that are free there
 * @throws ExportError `DestinationFailed`
 */
export async function lookAtDirectory(folder: string): Promise<number> {
  for (let place = folder; ; place = dirname(place)) {
    try {
      await access(place, constants.W_OK | constants.X_OK);
      const { bavail, bsize } = await statfs(place);
      return bavail * bsize;
    } catch (error) {
      // Nothing is above the root.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(place) !== place) continue;
      throw await toStorageError(error, place);
    }
  }
}
