import type { StatsFs } from 'node:fs';

/**
 * Bytes that can still be written to a file system: none where it has no room for the name of a further file. Those that
 * have no such limit say that they have room for 0 files in all.
 */
export function freeBytes({ bavail, bsize, files, ffree }: StatsFs): number {
  return files > 0 && ffree === 0 ? 0 : bavail * bsize;
}
