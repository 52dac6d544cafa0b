/**
 * Why a file did not come completely this time. `detail` is for people, and for history: no URL, no content. Recorded in
 * histories as a part of `LaterFiles`.
 */
export type FileTrouble =
  /** Trying again would not help. */
  | {
      cause: 'final';
      detail: string;
      /** The server gives this file no more times; another job's would be another file. */
      usedUp?: true;
    }
  | { cause: 'content'; detail: string }
  | {
      cause: 'link';
      detail: string;
      /** Origin that a redirect has led to, and that has answered. */
      answeredBy?: string | undefined;
    }
  | {
      cause: 'token';
      detail: string;
      /** Epoch of the token that was refused. */
      refusedEpoch: number;
    }
  | Outage;

/** Nothing is wrong with the file: it was not sent, or not to its end. */
export interface Outage {
  /** `elsewhere`: it is an attachment on another server than the FHIR server. */
  cause: 'outage' | 'elsewhere';
  detail: string;
  /** Milliseconds that the server asked to wait. */
  retryAfter?: number | undefined;
  /** The server as a whole is unreachable or wants fewer requests; other files would fare no better now. */
  busy?: boolean | undefined;
  /**
   * Of a transfer that broke off, which alone can have progressed: bytes that are durable, behind which the next attempt
   * resumes; 0 when it begins again. Not of one that was ended because next to nothing came.
   */
  reached?: number | undefined;
}

/**
 * What a status other than 200 means for a file.
 *
 * @param retryAfter milliseconds that the server asked to wait
 * @param hasEnded the answer says that the link has ended
 */
export function statusTrouble(
  status: number,
  { retryAfter, hasEnded }: { retryAfter: number | undefined; hasEnded: boolean },
): FileTrouble {
  const detail = `HTTP ${status}`;
  if (hasEnded) return { cause: 'link', detail: `${detail}, the link has ended` };
  if (status === 401 || status === 403 || status === 404 || status === 410) return { cause: 'link', detail };
  if (status === 429 || status === 503) return { cause: 'outage', detail, busy: true, retryAfter };
  if (status === 408 || status === 425 || status >= 500) return { cause: 'outage', detail, retryAfter };
  if (status >= 400) return { cause: 'final', detail };
  return { cause: 'content', detail };
}
