/** All that steers a running export: updates, their arguments and their answer. */
import type { ExportPhase } from './errors.ts';

/** Updates of an export. Each is checked before it is accepted, and answers with {@link Steered}. */
export const PAUSE = 'pause';
export const RESUME = 'resume';
export const SET_CONCURRENCY = 'setConcurrency';

/** Type of the failure with which an update is refused; the message names what is wrong and its fix. */
export const UPDATE_REFUSED = 'UpdateRefused';

/** Largest argument of `setConcurrency`: no export has more downloads in flight. */
export const MOST_CONCURRENT = 64;

/** What can be paused. `polls`: the kick-off as well. `all`: both. */
export const PAUSABLE = ['polls', 'downloads', 'all'] as const;
export type Pausable = (typeof PAUSABLE)[number];

/** The argument of the update `pause`. */
export interface PauseInput {
  /** Default `all`. */
  what?: Pausable | undefined;
  /** True: downloads that run stop within seconds, and go on later from where they were. Default: they end first. */
  now?: boolean | undefined;
}

/** What is paused, and since when (ISO 8601 in UTC). */
export interface Paused {
  what: Pausable;
  since: string;
}

/** Answer of the updates: how the export stands now. */
export interface Steered {
  phase: ExportPhase;
  paused?: Paused | undefined;
  /** Most downloads at a time, if it was set. */
  concurrency?: number | undefined;
  /** When the export ends at the latest, also if it is paused: ISO 8601 in UTC. */
  deadline: string;
}
