import type { Config } from '../config.ts';
import { ExportError } from '../errors.ts';
import { openDirectory } from './directory/directory.ts';
import type { Folder } from './folder.ts';

/**
 * Opens the place of one export.
 *
 * @param name of the destination; undefined for the first one
 * @throws ExportError `UnknownDestination`, `DestinationFailed`
 */
export async function openDestination(config: Config, name: string, path: string): Promise<Folder> {
  const destination = Object.hasOwn(config.destinations, name) ? config.destinations[name] : undefined;
  if (destination === undefined) {
    throw new ExportError(
      'UnknownDestination',
      `this worker knows no destination "${name}"; it knows ${Object.keys(config.destinations).join(', ')}`,
    );
  }
  if (destination.type === 'directory') return openDirectory(destination.path, path);
  // The SDK takes a third of a second to load, and many workers never need it.
  const { openS3 } = await import('./s3/s3.ts');
  return openS3(destination, path);
}

/** The destination that is meant when a request names none. */
export function defaultDestination(config: Config): string {
  return Object.keys(config.destinations)[0] as string;
}
