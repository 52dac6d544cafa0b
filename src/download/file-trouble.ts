/**
 * Why a file did not come completely this time. `detail` is for people, and for history: no URL, no content. Recorded in
 * histories as a part of `LaterFiles`.
 */
export type FileTrouble =
  /** Trying again would not help. */
  | { cause: 'final'; detail: string }
  | { cause: 'content' | 'link'; detail: string }
  | {
      cause: 'token';
      detail: string;
      /** Epoch of the token that was refused. */
      refusedEpoch: number;
    }
  | Outage;

/** Nothing is wrong with the file: it was not sent, or not to its end. Only a broken transfer has `reached`. */
export type Outage = UnavailableFile | BrokenTransfer;

/** No byte of the file came. `elsewhere`: it is an attachment on another server than the FHIR server. */
export interface UnavailableFile {
  cause: 'outage' | 'elsewhere';
  detail: string;
  /** Milliseconds that the server asked to wait. */
  retryAfter?: number;
  /** The server as a whole is unreachable or wants fewer requests; other files would fare no better now. */
  busy?: boolean;
}

/** The transfer broke off. It alone can have progressed. */
export interface BrokenTransfer {
  cause: 'outage' | 'elsewhere';
  detail: string;
  /** Bytes that are durable, behind which the next attempt resumes; 0 when it begins again. */
  reached: number;
}

/** What a status other than 200 means for a file. */
export function statusTrouble(status: number, retryAfter: number | undefined): Exclude<FileTrouble, BrokenTransfer> {
  const detail = `HTTP ${status}`;
  const asked = retryAfter === undefined ? {} : { retryAfter };
  if (status === 401 || status === 403 || status === 404 || status === 410) return { cause: 'link', detail };
  if (status === 429 || status === 503) return { cause: 'outage', detail, busy: true, ...asked };
  if (status === 408 || status === 425 || status >= 500) return { cause: 'outage', detail, ...asked };
  if (status >= 400) return { cause: 'final', detail };
  return { cause: 'content', detail };
}
