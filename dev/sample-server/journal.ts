import type { IncomingHttpHeaders } from 'node:http';

/** What a request is about, whatever its method. */
export type Route =
  'kickOff' | 'status' | 'page' | 'delete' | 'file' | 'binary' | 'metadata' | 'token' | 'smartConfiguration' | 'other';

/** One request and what became of it; filled in while it is being answered. */
export type JournalEntry = {
  /** Arrival, milliseconds since 1970. */
  at: number;
  method: string;
  /** Path and query exactly as they came. */
  url: string;
  route: Route;
  /** `other`: it came to the second port. */
  origin: 'same' | 'other';
  /** It follows a redirect of this server (see the fault of that name). */
  redirected: boolean;
  jobId?: string;
  /** As received, names in lower case. */
  headers: IncomingHttpHeaders;
  body?: string;
  /** 0 until the head of an answer was sent. */
  status: number;
  /** Bytes of the body handed to the network, after compression. */
  bytesSent: number;
  /** The whole intended answer was sent; false for connections that a fault or the client broke. */
  finished: boolean;
  /** First byte asked for by `Range`. */
  rangeStart?: number;
};
