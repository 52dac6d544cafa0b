import type { ServerSettings } from './settings.ts';

type PollSettings = Pick<ServerSettings, 'firstPollSeconds' | 'shortestPollSeconds' | 'longestPollSeconds'>;

/** Seconds. */
const DAY = 24 * 60 * 60;

/**
 * Milliseconds from the kick-off to the first poll; undefined: nothing is waited for.
 *
 * @param named milliseconds that the answer to the kick-off names
 */
export function firstPoll(named: number | undefined, settings: PollSettings): number | undefined {
  const wait = Math.max(believed(named, settings) ?? 1000 * (settings.firstPollSeconds ?? 0), shortestWait(settings));
  return wait > 0 ? wait : undefined;
}

/**
 * As much of the milliseconds that a server names as is waited for, except for files: by default a day. A moment that is
 * far away may be a mistake, and a job that nobody asks for ends at the deadline, however long it has been complete.
 *
 * @param settings of the server, where it is the FHIR server that names it
 */
export function believed(named: number | undefined, settings: Partial<PollSettings> = {}): number | undefined {
  return named === undefined ? undefined : Math.min(named, 1000 * (settings.longestPollSeconds ?? DAY));
}

/** Least milliseconds between two polls; 0: there is no such limit. */
export function shortestWait({ shortestPollSeconds }: PollSettings): number {
  return 1000 * (shortestPollSeconds ?? 0);
}
