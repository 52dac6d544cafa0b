import { CHUNK } from '../policy/batches.ts';

/** The chunk of an entry and its receipt, from 0. */
export function chunkOf(ordinal: number): number {
  return Math.floor(ordinal / CHUNK);
}
