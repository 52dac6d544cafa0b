import { log } from '@temporalio/workflow';
import type { ExportProgress, ExportRequest } from '../contract.ts';
import { tidy, withoutWords } from '../fhir/quote.ts';
import { namesPatients } from '../policy/own-words.ts';
import { serverOf } from './metrics.ts';
import type { ExportState } from './state.ts';

/** Characters of a reason; Temporal has the whole text. */
const LONGEST_REASON = 300;

/** Milliseconds after the end of a trouble within which the next one gets no line: files may fail and come by turns. */
const SOON = 600_000;

/** An export that may be in trouble. */
interface Troubled {
  readonly request: ExportRequest;
  readonly state: ExportState;
}

/**
 * Writes to the workers' log when an export gets into trouble, and when it is out of it: one line each, however often
 * something is tried meanwhile. A trouble that lasts has its line in each run of the export.
 */
export class TroubleLines {
  readonly #run: Troubled;
  /** Since when a trouble has lasted that has its line: milliseconds since the epoch. */
  #since: number | undefined;
  #endedAt = -Infinity;

  constructor(run: Troubled) {
    this.#run = run;
  }

  /** Notes how the export stands. */
  note({ phase, trouble }: Pick<ExportProgress, 'phase' | 'trouble'>): void {
    const now = Date.now();
    const server = serverOf(this.#run);
    if (trouble === undefined) {
      if (this.#since === undefined) return;
      log.info('export goes on', { server, phase, seconds: Math.round((now - this.#since) / 1000) });
      this.#since = undefined;
      this.#endedAt = now;
    } else if (this.#since === undefined && now - this.#endedAt >= SOON) {
      this.#since = now;
      log.warn('export in trouble', { server, phase, reason: reasonOf(this.#run.request, trouble) });
    }
  }
}

/** What the server or we say, for a log, which more people read than Temporal: as the reason of an end. */
function reasonOf(request: ExportRequest, detail: string): string {
  return tidy(namesPatients(request) ? withoutWords(detail) : detail, LONGEST_REASON);
}
