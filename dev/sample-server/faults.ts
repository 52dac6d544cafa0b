import type { Manifest } from './export/manifest.ts';
import type { ExpectedFile } from './export/ndjson-files.ts';
import type { Headers, Message } from './http/answer.ts';
import type { JournalEntry, Route } from './journal.ts';

/** One kind of misbehaviour. */
export type Fault =
  /** This answer instead of the real one; the request has no effect. `operationOutcome()` helps with bodies. */
  | { kind: 'answer'; status: number; headers?: Headers; body?: string | Buffer }
  /** Wait before anything else. */
  | { kind: 'delay'; ms: number }
  /** Never answer; the request has no effect and its connection stays open until the client leaves. */
  | { kind: 'hang' }
  /** Close the connection without an answer; the request has no effect. */
  | { kind: 'drop' }
  /** Close the connection without an answer AFTER the effect: the job of a kick-off exists, but its URL is lost. */
  | { kind: 'dropAfterEffect' }
  /** Answer with a redirect (default 307) to the same or the other port, where the request is then served. */
  | { kind: 'redirect'; to: 'same' | 'other'; status?: number }
  /** The job fails for good: polls answer `status` (default 500) with these messages, in the job's status mode. */
  | { kind: 'failJob'; status?: number; messages?: Message[] }
  /** Set headers (text, or made from the old value) or remove them (null). */
  | { kind: 'headers'; set: Record<string, string | string[] | null | ((old: string) => string)> }
  /** Another manifest: a changed object, or text that is sent as it is. */
  | { kind: 'transformManifest'; transform: (manifest: Manifest) => unknown }
  /** Add `by` to the `count` of every item of a manifest. */
  | { kind: 'wrongCount'; by: number }
  /** Another body for a file; Content-Length and ETag fit the new one, the manifest does not. */
  | { kind: 'transformFile'; transform: (body: Buffer, file: ExpectedFile) => Buffer | string }
  /** All file URLs of the job answer `status` from now on; its manifest, read again, has new URLs. */
  | { kind: 'expireFileUrls'; status: 403 | 404 | 410 }
  /** Destroy the connection after this many bytes of the body, sent with its Content-Length (default) or chunked. */
  | { kind: 'breakBody'; afterBytes: number; contentLength?: boolean }
  /** A cut that HTTP does not show: regular end of chunks, a Content-Length of that many bytes, or closing. */
  | { kind: 'truncate'; afterBytes: number; how: 'chunked' | 'contentLength' | 'close' }
  /** Send this many bytes of the body and then nothing more, with the connection open. */
  | { kind: 'stall'; afterBytes: number }
  /** Invert the compressed byte at this position (default 200) if the answer is gzip. */
  | { kind: 'corruptGzip'; atByte?: number }
  /** Leave out the last bytes (default 12) of a gzip body, and end the message regularly. */
  | { kind: 'cutGzip'; bytes?: number }
  /** Several gzip members, one per 10,000 bytes; this is legal. */
  | { kind: 'gzipMembers' };

/** When a fault happens. Rules apply in the order in which they were added; several may hit one request. */
export type FaultRule = {
  /** Default: every route. */
  route?: Route | readonly Route[];
  /** Status, bytesSent and finished of the entry are not known yet. */
  match?: (entry: JournalEntry) => boolean;
  /** Matching requests to spare at first; default 0. */
  skip?: number;
  /** Matching requests to hit; default 1. */
  times?: number;
  do: Fault;
};

/** The faults that a server is to show. */
export class FaultList {
  #rules: { rule: FaultRule; seen: number }[] = [];

  add(rule: FaultRule): void {
    this.#rules.push({ rule, seen: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** The faults that hit this request; counts it for every rule that it matches. */
  take(entry: JournalEntry): Fault[] {
    return this.#rules.flatMap((counted) => {
      const { route, match, skip = 0, times = 1, do: fault } = counted.rule;
      if (route !== undefined && ![route].flat().includes(entry.route)) return [];
      // The target of a redirect serves the request, otherwise a permanent rule would redirect forever.
      if (fault.kind === 'redirect' && entry.redirected) return [];
      if (match !== undefined && !match(entry)) return [];
      counted.seen += 1;
      return counted.seen > skip && counted.seen <= skip + times ? [fault] : [];
    });
  }
}

/** The first fault of a kind. */
export function faultOf<K extends Fault['kind']>(faults: Fault[], kind: K): Extract<Fault, { kind: K }> | undefined {
  return faults.find((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
}
