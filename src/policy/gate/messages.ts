import type { Idle } from '../../gate-contract.ts';

/** Signal to a gate: an export says what it needs. */
export const ACQUIRE = 'acquire';
/** Signal to a gate: an export is over. */
export const RELEASE = 'release';
/** Signal to an export: what its gate allows. */
export const GRANTED = 'granted';

/**
 * Grants that an export may have missed in a row, or the gate forgotten. An export takes none whose number is further ahead:
 * a forged one would make it deaf to all others.
 */
export const MOST_MISSED = 1_000_000;

/** What a server allows over all exports of a client. A field that is absent is not limited. */
export interface GateLimits {
  /** Exports at a time, in each pool. */
  exports?: number | undefined;
  /** Files downloaded at a time. */
  downloads?: number | undefined;
}

/** An export: the chain of runs that began with one run. Another chain of the same workflow id is another export. */
export interface ExportName {
  workflowId: string;
  firstRunId: string;
}

/** What an export needs of its server's slots: one, that it has one, or none (any more). */
export type Slot = 'wanted' | 'held' | 'none';

/**
 * What an export tells the gate: all of it each time, so that a message that is lost, comes twice, or reaches a gate that
 * knows nothing yet, harms nothing.
 */
export interface Ask extends ExportName {
  /** When it was sent: milliseconds since the epoch, but it always rises. An older one that comes late is not heeded. */
  turn: number;
  /** When the export first wanted what it wants: milliseconds since the epoch. First come, first served goes by it. */
  since: number;
  slot: Slot;
  /** Exports of one pool share its slots. */
  pool: string;
  /** The export downloads files, and needs a share of the downloads. */
  downloading: boolean;
  /** Downloads that it may still have in flight: as many as it was allowed, or more after it was allowed fewer. */
  uses: number;
  /** It has not heard how many it may have, since it began to download. */
  knowsNoShare?: true | undefined;
  /** Number of the last grant that it has heard. */
  heard: number;
  /** No gate has answered yet what it wants: it has heard grants for something else only. */
  isNew?: true | undefined;
  /** Turn from which on it has wanted the slot that it wants or has. */
  wantedFrom?: number | undefined;
  /** It does nothing until an operator does something. */
  idle?: Idle | undefined;
  /** The server has asked for fewer requests. */
  pressure?: true | undefined;
  /** As with Temporal: 1 comes first. */
  priority: number;
  /** Exports of one key take turns with those of others. */
  fairnessKey: string;
  /** Turns of its key. */
  weight: number;
  limits: GateLimits;
}

/** An export is over. */
export type Leave = ExportName;

/** What the gate tells an export. */
export interface Grant {
  /** The export that is meant: another one may run with its workflow id by now. */
  firstRunId: string;
  /** Rises; an older one that comes late is not heeded. */
  number: number;
  /** Turn of the message that was the export's last. */
  turn?: number | undefined;
  /** The export has a slot. */
  slot: boolean;
  /** Place among those that wait, from 1, and how many they are. */
  place?: number | undefined;
  waiting?: number | undefined;
  /** Files that the export may download at a time; absent: the gate has no limit. */
  downloads?: number | undefined;
}

/** A message to an export. */
export interface Outgoing extends ExportName {
  grant: Grant;
}
