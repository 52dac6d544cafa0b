import type { OrdinalRange } from '../policy/batches.ts';
import type { Trouble, TroubleCause } from '../policy/trouble.ts';

/** Files that one activity fetches. */
export interface Batch {
  ranges: OrdinalRange[];
  /** Earlier trouble of its files; empty for files that have not been tried. */
  troubles: ReadonlyMap<number, Trouble>;
  /** The reading of the manifest that its links are from. */
  reading: number;
  /** Ages at which links of its files were refused before. */
  ages: ReadonlyMap<number, number>;
  /** When an operator last asked to go on, before the batch was started. */
  wokenAt: number | undefined;
}

/**
 * A refused link is renewed when its file is refused for the first time, whatever its other trouble was; a refused
 * token first, and the link only when a new token did not help.
 *
 * @param ordinals of the files that were refused
 */
export function isStaleLink(cause: TroubleCause, ordinals: readonly number[], { troubles }: Batch): boolean {
  const before = ordinals.map((ordinal) => troubles.get(ordinal)?.cause);
  return cause === 'link' ? !before.includes('link') : cause === 'token' && before.includes('token');
}

/** Every ordinal of some ranges. */
export function ordinalsOf(ranges: readonly OrdinalRange[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, offset) => from + offset));
}

/** A part of a batch, with the earlier trouble of its files. */
export function splitTroubles(batch: Batch, ranges: OrdinalRange[]): Pick<Batch, 'ranges' | 'troubles' | 'ages'> {
  const wanted = new Set(ordinalsOf(ranges));
  const part = <T>(all: ReadonlyMap<number, T>): Map<number, T> =>
    new Map([...all].filter(([ordinal]) => wanted.has(ordinal)));
  return { ranges, troubles: part(batch.troubles), ages: part(batch.ages) };
}

/**
 * A batch for the Web UI, with the places of its files.
 *
 * @param files the set that it is of
 */
export function summaryOf(
  { ranges, troubles }: Batch,
  { noun, first, end }: { noun: string; first: number; end(): number },
): string {
  const [from, to] = [(ranges[0]?.[0] ?? 0) - first, (ranges.at(-1)?.[1] ?? 0) - first];
  const files = to - from === 1 ? `${noun} ${from + 1}` : `${noun}s ${from + 1}-${to}`;
  return `${files} of ${end() - first}${troubles.size > 0 ? ' again' : ''}`;
}
