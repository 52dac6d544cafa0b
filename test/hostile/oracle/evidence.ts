import type { Case } from '../case.ts';
import type { Ending } from '../ending.ts';
import type { Journal } from '../journal.ts';

/** All that is known of a case after it has run; what the oracle judges. */
export interface Evidence {
  case: Case;
  ending: Ending;
  journal: Journal;
  /** How often the manifest was read. */
  readings: number;
  /** Every version that the server had of each file. */
  versions: readonly (readonly Buffer[])[];
  /** What lies in the export's folder, by name. */
  folder: ReadonlyMap<string, Buffer>;
  /** All that Temporal keeps or shows. */
  history: readonly string[];
  /** Times at which an operator asked for a poll. */
  poked: readonly number[];
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt: number;
  /** Milliseconds for which an outage is waited for. */
  outage: number;
  /** What was seen to go wrong while it ran. */
  problems: readonly string[];
  /** Waits and counts are those of production. */
  skipsTime: boolean;
}
