import type { HttpTimeouts } from '../../http/agents.ts';
import type { DestinationConfig } from '../../storage/destinations.ts';
import type { FileRequest } from '../ask-file.ts';
import type { AnswerOf, Exchanged } from '../../http/messages.ts';
import type { FetchOutcome, Refusal } from '../fetch-file.ts';
import type { LostBytes } from '../lost-bytes.ts';
import type { ThrownError } from './thrown-error.ts';

/** What a thread is given at its start; connections and clients of S3 are its own. */
export interface ThreadSetup {
  destinations: Readonly<Record<string, DestinationConfig>>;
  timeouts: HttpTimeouts | undefined;
}

/** A file to be fetched, as plain data: without functions. */
export interface FileOrder {
  request: FileRequest;
  /** Name of the destination, and the place there. */
  destination: string;
  path: string;
  /** Of the part: the same for all attempts at a file. */
  label: string;
  /** Its final name, when it is known. */
  name?: string | undefined;
  /** To hand it over would cost more than to fetch it. */
  isSmall: boolean;
}

/** What is asked of the part of a fetched file; as of `Part` in storage. */
export type PartCall = { kind: 'finish' | 'discard' | 'keep' } | { kind: 'publish'; name: string };

/** To a thread, after it is ready. */
export type ToThread =
  /** To be answered by `alive`. */
  { kind: 'areYouAlive' } | ToOrder;

/** One call of an order is answered before the next one is sent. */
export type ToOrder = { order: number } &
  /** `isWatched`: somebody wants to hear of its requests. */
  (
    | { kind: 'fetch'; file: FileOrder; isWatched: boolean }
    /** Keep what is durable, and answer. */
    | { kind: 'abort' }
    | PartCall
    /** The answer to {@link FromThread} `mayChange`. */
    | { kind: 'mayChange'; isAllowed: boolean }
  );

/** From a thread. */
export type FromThread =
  /** It can take orders. */
  | { kind: 'ready' }
  | { kind: 'alive' }
  /** One of its requests was answered, to be counted. */
  | { kind: 'answered'; answer: AnswerOf }
  | OfOrder;

export type OfOrder = { order: number } & (
  | { kind: 'progress'; bytes: number; resumedAt: number }
  | { kind: 'refusal'; refusal: Refusal }
  | { kind: 'lost'; lost: LostBytes }
  /** A request is over. */
  | { kind: 'exchanged'; exchanged: Exchanged }
  /** Whether something may be changed at the destination now. */
  | { kind: 'mayChange' }
  | { kind: 'fetched'; outcome: FetchOutcome }
  /** The fetching ended as the order was aborted. */
  | { kind: 'aborted' }
  /** A call has succeeded. */
  | { kind: 'done'; result: PartResult }
  /** The fetching or a call has failed. */
  | { kind: 'threw'; error: ThrownError }
);

/** What a call returns: of `publish` whether it has, of `keep` bytes. */
export type PartResult = boolean | number | undefined;
