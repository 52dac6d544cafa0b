import type { ExportRun, Injected } from './export-run.ts';

/** The outcome of a round. */
export interface RoundResult {
  runs: ExportRun[];
  injected: Injected[];
  /** The promises that were broken; empty when none was. */
  problems: string[];
  /** Keeps everything when there are problems; otherwise it is removed. */
  folder: string;
}
