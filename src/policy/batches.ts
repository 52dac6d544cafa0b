import type { Entry } from '../fhir/entries.ts';
import type { CountsByType } from './type-counts.ts';
import { typeKey } from './type-counts.ts';

/** Entries from one ordinal to another, the second not included. */
export type OrdinalRange = readonly [from: number, to: number];

/** Entries and receipts are kept in folders of this many, so that no file and no folder grows without bound. */
export const CHUNK = 500;

/** Bytes of one batch. */
const BATCH_BYTES = 64 * 1024 * 1024;
/** Batches that keep the slots of some workers busy: as long as there are no more files, each has one of its own. */
const ENOUGH_BATCHES = 32;
/** Files of one batch; a batch that is tried again costs little, because it finds the files that it has finished. */
const MOST_FILES = 100;
/** Files of unknown size in one plan. */
const MOST_UNKNOWN = 8;
/** Bytes of a resource while none of its type has been seen. */
const USUAL_RESOURCE = 4096;
/** Files of a type that must have been seen before the mean stands for the ones without `count`. */
const ENOUGH = 3;

/**
 * Expected bytes of an entry: `fileSize`, else `count` times the mean bytes of its type's resources so far or a guess,
 * else the mean of its type's files; undefined when nothing is known yet.
 */
export function expectedBytes(entry: Entry, seen: Readonly<CountsByType>): number | undefined {
  if (entry.fileSize !== undefined) return entry.fileSize;
  const mean = seen[typeKey(entry)];
  if (entry.count !== undefined && (mean === undefined || mean.resources > 0)) {
    return entry.count * (mean === undefined ? USUAL_RESOURCE : mean.bytes / mean.resources);
  }
  return mean !== undefined && mean.files >= ENOUGH ? mean.bytes / mean.files : undefined;
}

/** How many small files a batch may have: few in a small export, and so many in a large one that history stays small. */
export function filesPerBatch(total: number): number {
  return Math.min(MOST_FILES, Math.ceil(total / ENOUGH_BATCHES));
}

/**
 * The first of some entries, up to a few of unknown size: those behind them are planned when these have shown how
 * large the files of their type are.
 */
export function plannable(entries: readonly Entry[], seen: Readonly<CountsByType>): readonly Entry[] {
  let unknown = 0;
  const end = entries.findIndex((entry) => expectedBytes(entry, seen) === undefined && ++unknown > MOST_UNKNOWN);
  return end === -1 ? entries : entries.slice(0, end);
}

/**
 * Divides entries with rising ordinals into batches: one big or unknown file, or many small ones that follow one
 * another. Those whose links end first come first.
 *
 * @param mostFiles of one batch
 */
export function planBatches(
  entries: readonly Entry[],
  seen: Readonly<CountsByType>,
  mostFiles: number,
): OrdinalRange[] {
  const batches: { from: number; to: number; bytes: number; ends: number }[] = [];
  for (const entry of entries) {
    const bytes = expectedBytes(entry, seen) ?? BATCH_BYTES;
    const ends = entry.ends ?? Infinity;
    const last = batches.at(-1);
    const fits =
      last !== undefined &&
      last.to === entry.ordinal &&
      last.to - last.from < mostFiles &&
      last.bytes + bytes <= BATCH_BYTES;
    if (fits) {
      last.to++;
      last.bytes += bytes;
      last.ends = Math.min(last.ends, ends);
    } else {
      batches.push({ from: entry.ordinal, to: entry.ordinal + 1, bytes, ends });
    }
  }
  // Equal ends, also where nothing says them, keep the order of the manifest.
  batches.sort((one, other) => (one.ends === other.ends ? 0 : one.ends - other.ends));
  return batches.map(({ from, to }) => [from, to]);
}

/** Sorted ordinals as ranges. */
export function toRanges(ordinals: readonly number[]): OrdinalRange[] {
  const ranges: [number, number][] = [];
  for (const ordinal of [...ordinals].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === ordinal) last[1]++;
    else ranges.push([ordinal, ordinal + 1]);
  }
  return ranges;
}

/**
 * Ordinal of the first attachment: in a chunk of their own, because the manifest's are written again when it is read again.
 *
 * @param entries of the manifest
 */
export function firstAttachment(entries: number): number {
  return Math.ceil(entries / CHUNK) * CHUNK;
}
