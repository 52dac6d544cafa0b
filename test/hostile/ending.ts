import type { ExportReport } from '../../src/contract.ts';

/** How a run ended. */
export type Ending =
  | { kind: 'complete'; report: ExportReport }
  | { kind: 'failed'; code: string; message: string }
  | { kind: 'cancelled' }
  /** It did not, within the bound. */
  | { kind: 'endless'; why: string };
