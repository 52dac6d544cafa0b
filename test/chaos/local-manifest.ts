import type { ChaosDestination } from './destination.ts';

/** A file of `manifest.json`. */
export interface LocalItem {
  type?: string;
  url: string;
  count: number;
  fileSize: number;
  extension: { sha256: string };
}

export interface LocalManifest {
  transactionTime: string;
  output: LocalItem[];
  deleted: LocalItem[];
  error: LocalItem[];
}

export async function readLocalManifest(place: ChaosDestination, path: string): Promise<LocalManifest> {
  return JSON.parse((await place.read(path, 'manifest.json')).toString()) as LocalManifest;
}
