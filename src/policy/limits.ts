const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * How long and how often things are tried before they are given up, in milliseconds unless said otherwise.
 * These are rules of the project, not settings of its users; tests shorten them.
 */
export interface Limits {
  /** Backoff without a usable `Retry-After`: the first delay and the longest. */
  backoffFloor: number;
  backoffCeiling: number;
  /** From the kick-off to the first poll when the server names no time: small jobs are ready then. */
  firstPoll: number;
  /** 408, 425, 429, 5xx and network errors: at kick-off, at the status URL, and of a file. */
  outage: number;
  /** 429, 5xx and network errors of attachments on other servers: one that is gone for good must not hold up the rest. */
  elsewhere: number;
  /** 429, 5xx and network errors at the token endpoint. */
  tokenEndpoint: number;
  /** First delay before a token is used again that was refused when it was new: it may not be known, or valid, there yet. */
  newToken: number;
  /** 404 on the status URL: right after the kick-off a replica may not know the job yet. */
  gone: number;
  /**
   * 200 on the status URL without a usable manifest, or a 4xx that is not FHIR: time; and tries (a number) after which
   * earlier versions gave up.
   */
  unusableTries: number;
  unusable: number;
  /** A file whose content is wrong, or whose link is refused: fetches (a number). Of 5xx: `outage`. */
  fileTries: number;
  /** Time after which earlier versions gave such a file up. */
  file: number;
  /** First delay before a file of wrong content or refused link is fetched again. */
  fileRetry: number;
  /**
   * Bytes by which a transfer that broke off must have come farther than any before it to count as progress. Fewer would
   * let a server that sends a byte at a time be asked for ever, and a file has only so many of these.
   */
  progress: number;
  /** Longest that a file waits because the server said so, and that others wait for it until one of them asks again. */
  fileWait: number;
  hold: number;
  /** Files (a number) that wait to be fetched again; further ones are left until all others are done. */
  mostRetries: number;
  /** Age of a link at which a refusal is about its file, whatever is known of how long links live. */
  freshLink: number;
  /** Shortest time between two readings of the manifest. */
  readingFloor: number;
  /** DELETE of the job; and of one that keeps the slot of others at the server until then, if the answer may pass. */
  delete: number;
  deleteOfSlot: number;
  /** A record of the audit trail. */
  audit: number;
  /** Downloads that run when the history is full: time to end before they are cancelled and scheduled again. */
  drain: number;
  /**
   * From a cancel, the deadline or a failed export to the end of the run. Half of it is for what still runs; then the run
   * ends without it.
   */
  cleanUp: number;
  /** Time after which an export asks the gate of its server again, and between two searches for exports that are over. */
  gateAsk: number;
  gateSweep: number;
  /**
   * A kick-off that was refused because the server has no slot, where there is a gate: time for which its export keeps the
   * slot, so that others do not ask at once what was just refused; and the longest wait, whatever the server says.
   */
  refusedKept: number;
  refusedWait: number;
  /** Busy answers of the server that the gate takes for one, and that an export tells it of once. */
  gatePressure: number;
  /** Time without a busy answer after which the gate allows one more download. */
  gateQuiet: number;
  /** Time after which a gate that nobody needs ends. */
  gateIdle: number;
  /** Pages of a manifest and the files that all of them name (numbers): a server that pages for ever must not fill disks. */
  manifestPages: number;
  manifestFiles: number;
}

export const LIMITS: Limits = {
  backoffFloor: 2 * SECOND,
  backoffCeiling: 5 * MINUTE,
  firstPoll: SECOND / 5,
  outage: 24 * HOUR,
  elsewhere: 10 * MINUTE,
  tokenEndpoint: HOUR,
  newToken: 2 * SECOND,
  gone: MINUTE,
  unusableTries: 3,
  unusable: MINUTE,
  fileTries: 3,
  file: 2 * MINUTE,
  fileRetry: 2 * SECOND,
  progress: 1024 * 1024,
  fileWait: 24 * HOUR,
  hold: 15 * MINUTE,
  // As many as a run can hand to the next: two to three bytes each.
  mostRetries: 15_000,
  // Longer than the waits between three tries.
  freshLink: 15 * SECOND,
  readingFloor: 2 * SECOND,
  delete: MINUTE,
  deleteOfSlot: HOUR,
  audit: HOUR,
  drain: 10 * SECOND,
  cleanUp: 5 * MINUTE,
  gateAsk: 10 * MINUTE,
  gateSweep: 5 * MINUTE,
  refusedKept: MINUTE,
  refusedWait: HOUR,
  gatePressure: 5 * SECOND,
  gateQuiet: MINUTE,
  gateIdle: HOUR,
  manifestPages: 100_000,
  manifestFiles: 1_000_000,
};
