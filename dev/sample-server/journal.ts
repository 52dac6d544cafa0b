import type { IncomingHttpHeaders } from 'node:http';

/** The kind of a request, from its path and in one case (`delete`) its method. */
export type Route =
  'kickOff' | 'status' | 'page' | 'delete' | 'file' | 'binary' | 'metadata' | 'token' | 'smartConfiguration' | 'other';

/** One request and its answer; completed while the answer is sent. */
export type JournalEntry = {
  /** Arrival, milliseconds since 1970. */
  at: number;
  method: string;
  /** Path and query exactly as they came. */
  url: string;
  route: Route;
  /** The port that received it; `other` is the second one. */
  origin: 'same' | 'other';
  /** It follows a redirect of this server (see the fault of that name). */
  redirected: boolean;
  jobId?: string;
  /** As received, names in lower case. */
  headers: IncomingHttpHeaders;
  body?: string;
  /** 0 until the head of an answer is sent. */
  status: number;
  /** Bytes of the body handed to the network, after compression. */
  bytesSent: number;
  /** Whether the whole intended answer was sent; false where a fault or the client broke the connection. */
  finished: boolean;
  /** First byte that a `Range` header requests. */
  rangeStart?: number;
};
