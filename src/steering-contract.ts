/** All that steers a running export: updates, their arguments and their answer. */
import type { ExportPhase } from './errors.ts';

/** Updates of an export. Each is checked before it is accepted, and answers with {@link Steered}. */
export const PAUSE = 'pause';
export const RESUME = 'resume';
export const SET_CONCURRENCY = 'setConcurrency';
export const RETRY_FILES = 'retryFiles';
export const FINISH_INCOMPLETE = 'finishIncomplete';
export const GIVE_UP = 'giveUp';

/** Update that is answered when the server has accepted the kick-off: {@link Accepted}. */
export const ACCEPTED = 'accepted';

/** Type of the failure of {@link ACCEPTED} when the export goes on in a new run first: ask again. */
export const CONTINUED = 'ContinuedInNewRun';

/** Type of the failure with which an update is refused; the message names what is wrong and its fix. */
export const UPDATE_REFUSED = 'UpdateRefused';

/** Largest argument of `setConcurrency`: no export has more downloads in flight. */
export const MOST_CONCURRENT = 64;

/** Names that `retryFiles` takes, and characters of a reason. */
export const MOST_NAMES = 100;
export const LONGEST_REASON = 500;

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

/** The argument of the update `retryFiles`. */
export interface RetryInput {
  /** At the destination, such as `Patient.00001.ndjson`; at most 100. Default: all that have failed or were put off. */
  names?: readonly string[] | undefined;
}

/** The argument of the update `finishIncomplete`. */
export interface FinishInput {
  /** For those who read the failure and `manifest.partial.json`: at most 500 characters. */
  reason: string;
}

/** What is paused, and since when (ISO 8601 in UTC). */
export interface Paused {
  what: Pausable;
  since: string;
}

/** The server has accepted the export: it has a status URL, which only the workers know. */
export interface Accepted {
  /** Number of the job at the destination, from 1. */
  job: number;
  /** When the server accepted it (ISO 8601 in UTC); absent in folders of earlier versions. */
  acceptedAt?: string | undefined;
  /** The folder held an earlier run of the same request, which goes on; its job may be gone. */
  adopted: boolean;
  /** Where the files will be. */
  location: string;
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
