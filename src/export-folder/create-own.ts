import { randomUUID } from 'node:crypto';
import type { Folder } from '../storage/folder.ts';

/**
 * Creates a file that one attempt alone can create. When the answer of the destination gets lost (S3, NFS), the request is
 * sent again and finds the file there: what is in it says whose it is.
 *
 * @returns whether it is that of this call
 */
export async function createOwn(folder: Folder, name: string): Promise<boolean> {
  const id = randomUUID();
  if (await folder.create(name, id)) return true;
  return (await folder.read(name))?.toString() === id;
}
