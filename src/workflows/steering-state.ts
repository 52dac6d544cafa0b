import type { CountsByType } from '../policy/type-counts.ts';
import type { Pausable } from '../steering-contract.ts';

/** What is paused by itself. */
export type PausablePart = Exclude<Pausable, 'all'>;

/** What an operator has asked for. Times are milliseconds since the epoch. */
export interface SteeringState {
  /** Since when. */
  paused: Partial<Record<PausablePart, number>>;
  /** Milliseconds of all earlier pauses. */
  pausedFor: Record<PausablePart, number>;
  /** Batches in flight are to be stopped, and not to be waited for. */
  stopNow?: true | undefined;
  /** Most downloads at a time. */
  concurrency?: number | undefined;
  /** Files are to be fetched again: these ordinals, or all; and what those of them that have been lost were counted as. */
  retry?: { files?: readonly number[] | undefined; lost?: Record<number, CountsByType> | undefined } | undefined;
  /** The export is to end with what there is; with a reason, and a manifest of it, or without. */
  end?: { reason?: string | undefined } | undefined;
  /** What is missing: an operator is to decide. */
  attention?: string | undefined;
}
