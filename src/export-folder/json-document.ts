import { ExportError } from '../errors.ts';
import type { Folder } from '../storage/folder.ts';

/**
 * Content of a document; undefined when it does not exist.
 *
 * @throws ExportError `DestinationFailed` when it is damaged: documents are written whole or not at all
 */
export async function readJson<T>(folder: Folder, name: string): Promise<T | undefined> {
  const content = await folder.read(name);
  if (content === undefined) return undefined;
  try {
    return JSON.parse(content.toString('utf8')) as T;
  } catch {
    // Without the words of the parser, which quotes what it read: these documents hold signed links.
    throw new ExportError('DestinationFailed', `${folder.location}/${name} is damaged: it is not JSON`);
  }
}

/** Writes a document, durably, over an earlier one. */
export async function writeJson(folder: Folder, name: string, value: unknown): Promise<void> {
  await folder.write(name, `${JSON.stringify(value, null, 1)}\n`);
}
