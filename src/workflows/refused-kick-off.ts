import { patched } from '@temporalio/workflow';
import { nextDelay } from '../policy/next-delay.ts';
import { continueIfLong, isLong, waitInRuns } from './continue-as-new.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { secondsUntil } from './retry.ts';
import { AT_ONCE } from './state.ts';
import { wait } from './wait.ts';

/**
 * Notes that all slots of the server are taken, by whomever. That is no fault, and ends nothing: the kick-off is tried again
 * when the server says, until the deadline.
 *
 * Where a gate has given the export a slot, others must not wait for as long: the slot is kept for a moment only, and the
 * server asked again within the hour, because a job may end at any time.
 */
export function noteRefusal(run: ExportRun, result: { detail: string; retryAfter?: number | undefined }): void {
  const { limits } = run;
  const { poll } = run.job;
  poll.refusals = (poll.refusals ?? 0) + 1;
  delete poll.trouble;
  poll.detail = `kick-off: ${detailOf(result)}`;
  poll.notBefore = Date.now() + nextDelay(result.retryAfter, poll.refusals - 1, limits, Math.random);
  run.enter('queued');
  const { gate } = run.state;
  if (gate === undefined || !run.slots.hasSlot || !patched('refused-kick-offs-give-back')) return;
  poll.notBefore = Math.min(poll.notBefore, Date.now() + limits.refusedWait);
  // From the first refusal on: each further one would keep others from it for longer.
  gate.keptUntil ??= Date.now() + limits.refusedKept;
}

/**
 * Waits after a refused kick-off, until an operator wants a try at the latest.
 *
 * @returns false when the export has given its slot back, and is to ask for one again
 */
export async function waitRefused(run: ExportRun): Promise<boolean> {
  const { state, steering } = run;
  const { notBefore } = run.job.poll;
  if (state.gate === undefined) {
    await run.waitUntil(notBefore, summaryOf(notBefore));
    await continueIfLong(run);
    return true;
  }
  // A run of an earlier version may have waited for as long as the server said.
  if (run.slots.hasSlot && state.gate.keptUntil === undefined && patched('refusals-of-earlier-versions-give-back')) {
    state.gate.keptUntil = Date.now();
  }
  const { keptUntil } = state.gate;
  if (keptUntil === undefined) {
    await waitInRuns(run, notBefore, summaryOf(notBefore));
    return true;
  }
  const until = Math.min(keptUntil, notBefore);
  const isEnded = (): boolean => state.pollRequested === true || steering.isHeld;
  run.show();
  while (!isEnded() && Date.now() < until) {
    await continueIfLong(run);
    await wait({ until, unless: () => isEnded() || isLong(), summary: summaryOf(notBefore) });
  }
  const isWanted = state.pollRequested === true && !steering.isHeld;
  if (isWanted) delete state.pollRequested;
  if (isWanted || (!steering.isHeld && Date.now() >= notBefore)) return true;
  run.slots.standBack();
  return false;
}

/** Waits without the slot that was given back after a refused kick-off; others may have it meanwhile. */
export async function waitWithoutSlot(run: ExportRun): Promise<void> {
  const { poll } = run.job;
  if (poll.refusals === undefined || run.state.gate?.stoodBack !== true) return;
  await waitInRuns(run, poll.notBefore, summaryOf(poll.notBefore));
  poll.notBefore = AT_ONCE;
}

function summaryOf(until: number): string {
  return `the server has no slot, kick-off again in ${secondsUntil(until)} s`;
}
