import type { Limits } from './limits.ts';

/**
 * Why something could not be done yet.
 * - `outage`: 408, 425, 429, 5xx, network
 * - `elsewhere`: an attachment on another server than the FHIR server, which is unreachable or busy
 * - `gone`: 404 on the status URL
 * - `unusable`: 200 on the status URL without a manifest
 * - `content`: a file that is not what was promised
 * - `link`: 401, 403, 404 or 410 on a file
 * - `token`: a file refused the token that was sent
 * - `tokenEndpoint`: 429, 5xx or network at the token endpoint; or a firewall lets nobody in who was let in before
 * - `delete`: the DELETE of the job was not accepted
 */
export type TroubleCause =
  'outage' | 'elsewhere' | 'gone' | 'unusable' | 'content' | 'link' | 'token' | 'tokenEndpoint' | 'delete';

/** Causes of which so many tries are the end: another trouble in between does not forget them. */
type Counted = 'content' | 'link' | 'token';

/**
 * Milliseconds of other trouble after which an interrupted one counts anew: a page that says 404 once an hour, while a
 * server is away for a day, is not one that says it all the time.
 */
const FORGOTTEN = 600_000;

/** Trouble that lasts: since when (milliseconds since the epoch) and how many times, of a file in a row. */
export interface Trouble {
  cause: TroubleCause;
  since: number;
  times: number;
  /** Tries of a file that other trouble than the present one has cost. */
  spent?: Partial<Record<Counted, number>>;
  /** Bytes of a file that were durable when progress was last counted. */
  reached?: number;
  /**
   * Of a step: other troubles since it last went well, for how long (milliseconds), how many times, and until when
   * (milliseconds since the epoch).
   */
  interrupted?: Partial<Record<TroubleCause, { lasted: number; times: number; until: number }>>;
}

/**
 * Adds one more failure. Another cause starts a new count, but for tries of content, link and token, which are never
 * forgotten. Progress starts a new count of outages, and shows that link and token were good.
 *
 * @param progress of a file whose transfer broke off: bytes that are durable, and by how many they must have grown
 */
export function addTrouble(
  earlier: Trouble | undefined,
  cause: TroubleCause,
  now: number,
  { reached, least }: { reached: number; least: number } = { reached: 0, least: Infinity },
): Trouble {
  const spent = { ...earlier?.spent };
  if (earlier !== undefined && isCounted(earlier.cause)) spent[earlier.cause] = earlier.times;
  const mark = earlier?.reached ?? 0;
  const progressed = reached >= mark + least;
  if (progressed) {
    delete spent.link;
    delete spent.token;
  }
  const goesOn = earlier?.cause === cause && !progressed;
  const times = goesOn ? earlier.times : isCounted(cause) ? (spent[cause] ?? 0) : 0;
  if (isCounted(cause)) delete spent[cause];
  return {
    cause,
    since: goesOn && earlier.times > 0 ? earlier.since : now,
    times: times + 1,
    ...(Object.keys(spent).length === 0 ? {} : { spent }),
    ...(progressed ? { reached } : mark === 0 ? {} : { reached: mark }),
  };
}

/**
 * Adds one more failure of a step, which is trouble until it goes well: another cause interrupts a count, and does not end
 * it. Of two servers behind one address, one may have lost the job while the other is down; counted anew each time, that
 * would be asked about at the shortest interval until the deadline.
 */
export function addTroubleOfStep(earlier: Trouble | undefined, cause: TroubleCause, now: number): Trouble {
  const added = addTrouble(earlier, cause, now);
  if (earlier === undefined) return added;
  const interrupted = { ...earlier.interrupted };
  if (earlier.cause !== cause) {
    interrupted[earlier.cause] = { lasted: now - earlier.since, times: earlier.times, until: now };
    const before = interrupted[cause];
    delete interrupted[cause];
    if (before !== undefined && now - before.until < FORGOTTEN)
      Object.assign(added, { since: now - before.lasted, times: before.times + 1 });
  }
  return Object.keys(interrupted).length === 0 ? added : { ...added, interrupted };
}

function isCounted(cause: TroubleCause): cause is Counted {
  return cause === 'content' || cause === 'link' || cause === 'token';
}

/** Whether the trouble has lasted so long, or happened so often, that it is final. */
export function isFinal(trouble: Trouble, now: number, limits: Limits): boolean {
  const lasted = now - trouble.since;
  switch (trouble.cause) {
    case 'outage':
      return lasted >= limits.outage;
    case 'elsewhere':
      return lasted >= limits.elsewhere;
    case 'tokenEndpoint':
      return lasted >= limits.tokenEndpoint;
    case 'gone':
      return lasted >= limits.gone;
    case 'delete':
      return lasted >= limits.delete;
    case 'unusable':
      return trouble.times >= limits.unusableTries || lasted >= limits.unusable;
    case 'content':
    case 'link':
    case 'token':
      return trouble.times >= limits.fileTries;
  }
}

/**
 * Whether versions up to 0.2.0-dev5 gave the file up for the time since its first fault, before its tries were used up:
 * the time also ran while the file waited for a download to end, or for the manifest.
 */
export function wasTooLate(trouble: Trouble, now: number, limits: Limits): boolean {
  return isCounted(trouble.cause) && now - trouble.since >= limits.file;
}
