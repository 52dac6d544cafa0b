import type { LocalManifest } from '../support/exported-files.ts';
import type { ChaosDestination } from './destination.ts';

/** The `manifest.json` of an export, wherever the destination is. */
export async function readLocalManifest(place: ChaosDestination, path: string): Promise<LocalManifest> {
  return JSON.parse((await place.read(path, 'manifest.json')).toString()) as LocalManifest;
}
