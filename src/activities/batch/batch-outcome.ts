import type { Outage } from '../../download/file-trouble.ts';
import type { TokenNeeded } from '../../fhir-server/token-needed.ts';
import type { OrdinalRange } from '../../policy/batches.ts';
import type { CountsByType } from '../../policy/type-counts.ts';

/** The outcome of a batch; every entry is in exactly one of `done`, `failed` and `later`. Recorded in histories. */
export interface DownloadFilesResult {
  done: CountsByType;
  /** Given up at once. */
  failed: number[];
  /** How many of those the server gives no more, so that only another job could bring them. */
  refused?: number;
  later: LaterFiles[];
  /** Some of `later` wait for another token. */
  tokenNeeded?: TokenNeeded;
  /** Greatest age of a link that worked: milliseconds since the manifest was read. */
  worked?: number;
  /** A name of the worker's process. */
  worker?: string;
}

/** Entries to be fetched again, or for the first time when `cause` is `untried`. */
export type LaterFiles = { ranges: OrdinalRange[] } & (
  | {
      cause: 'untried';
      /** Milliseconds that the server asked to wait. */
      retryAfter?: number | undefined;
      /** Their links have ended. */
      ended?: true;
    }
  | { cause: 'content' | 'token'; detail: string }
  | {
      cause: 'link';
      detail: string;
      /** Of the link, when it was used: milliseconds since the manifest was read. */
      age?: number | undefined;
    }
  | Outage
);
