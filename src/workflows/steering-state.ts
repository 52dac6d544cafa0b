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
}
