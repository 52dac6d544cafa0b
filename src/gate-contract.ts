/** All that an operator sees of the gates of servers, which exports start by themselves. */
import { TASK_QUEUE } from './contract.ts';

/** Workflow type of the gate of a server: see {@link gateId}. */
export const EXPORT_GATE = 'exportGate';

/** Query of a gate that answers with {@link GateReport}. */
export const SLOTS = 'slots';

/**
 * Workflow id of a server's gate, which gives out its slots and downloads over all exports.
 *
 * @param taskQueue of the exports
 */
export function gateId(server: string, taskQueue: string = TASK_QUEUE): string {
  return `${taskQueue}.gate.${server}`;
}

/** What an export waits for that an operator has to do: `resume`, or what its `trouble` says. */
export type Idle = 'paused' | 'needs-attention';

/** An export as its gate names it. Times are ISO 8601 in UTC. */
export interface ExportAtGate {
  workflowId: string;
  /** Group whose slots it shares, where the server's slots are for each group. */
  pool?: string | undefined;
  /** When it first asked. */
  since: string;
  /** Why it does nothing, as it last said: an operator has paused it, or is to decide about it. It says so every ten minutes. */
  idle?: Idle | undefined;
}

/** Answer of the `slots` query of a gate. All exports are counted, and the first 50 of each kind named. */
export interface GateReport {
  server: string;
  /** As configured when an export last asked. */
  maxConcurrentExports?: number | undefined;
  maxDownloadsInAll?: number | undefined;
  held: { count: number; exports: ExportAtGate[] };
  waiting: { count: number; exports: (ExportAtGate & { place: number })[] };
  /** `downloads`: files that it may download at a time. */
  downloading: { count: number; exports: (ExportAtGate & { downloads: number })[] };
  /**
   * Exports that run, and have said nothing for more than fifteen minutes. They are paused, stuck, or without workers. Until
   * they ask again, those that wait are passed over, and have no place; and those that download have no share. `slot`:
   * `none` when they only download.
   */
  silent: { count: number; exports: (ExportAtGate & { slot: 'held' | 'wanted' | 'none'; heard: string })[] };
  /** Files that all may download at a time now: fewer than configured while the server is busy. */
  downloadsNow?: number | undefined;
  /** Nothing is granted before, because exports that hold slots are to be heard first. */
  grantsFrom?: string | undefined;
}
