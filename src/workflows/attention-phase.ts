import { continueIfLong, isLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { wait } from './wait.ts';

const WHAT_CAN_BE_DONE =
  'retryFiles fetches them again, finishIncomplete ends the export with a manifest of the others, giveUp ends it without one';

/** What is missing and what can be done about it, for people; at most 2,000 characters. */
export function attentionOf(missing: string): string {
  return `${missing.slice(0, 1800)}; ${WHAT_CAN_BE_DONE}`;
}

/** Waits until an operator has decided what becomes of missing files, at the longest until the deadline. */
export async function attentionPhase(run: ExportRun): Promise<void> {
  const { steering } = run;
  // It is not the server that is waited for.
  run.stands(false);
  run.enter('needs-attention');
  while (!steering.isDecided) {
    await wait({ unless: () => steering.isDecided || isLong() });
    if (!steering.isDecided) await continueIfLong(run);
  }
  steering.isAttendedTo();
}
