/** Why a file could not be had this time. */
export interface FileTrouble {
  /** `final`: trying again would not help. The others as in the table of when to give up. */
  cause: 'content' | 'link' | 'outage' | 'elsewhere' | 'token' | 'final';
  /** For people and for history: no URL, no content. */
  words: string;
  /** Milliseconds that the server asked to wait. */
  retryAfter?: number;
  /** The server as a whole is away or wants fewer requests; other files would fare no better now. */
  busy?: boolean;
  /** It broke off farther on than the last time, and will be gone on with: no reason to give up. */
  progressed?: boolean;
  /** Epoch of the token that was refused. */
  refusedEpoch?: number;
}

export function contentTrouble(words: string): FileTrouble {
  return { cause: 'content', words };
}

/** What a status other than 200 means for a file. */
export function statusTrouble(status: number, retryAfter: number | undefined): FileTrouble {
  const words = `HTTP ${status}`;
  const asked = retryAfter === undefined ? {} : { retryAfter };
  if (status === 401 || status === 403 || status === 404 || status === 410) return { cause: 'link', words };
  if (status === 429 || status === 503) return { cause: 'outage', words, busy: true, ...asked };
  if (status === 408 || status === 425 || status >= 500) return { cause: 'outage', words, ...asked };
  if (status >= 400) return { cause: 'final', words };
  return { cause: 'content', words };
}
