import { CHUNK } from '../policy/batches.ts';

/** The chunk of an entry and its receipt, from 0. */
export function chunkOf(ordinal: number): number {
  return Math.floor(ordinal / CHUNK);
}

/** The part of a chunk in which some ordinals are. */
export interface Span {
  chunk: number;
  /** The first of them, and the last. */
  from: number;
  to: number;
}

/** Where some ordinals are. */
export function spansOf(ordinals: readonly number[]): Span[] {
  const spans = new Map<number, Span>();
  for (const ordinal of ordinals) {
    const chunk = chunkOf(ordinal);
    const { from, to } = spans.get(chunk) ?? { from: ordinal, to: ordinal };
    spans.set(chunk, { chunk, from: Math.min(from, ordinal), to: Math.max(to, ordinal) });
  }
  return [...spans.values()];
}
