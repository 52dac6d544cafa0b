import { patched } from '@temporalio/workflow';
import type { KickOffTrouble } from '../activities/refused-kick-off.ts';
import { nextDelay } from '../policy/next-delay.ts';
import { continueIfLong, isLong, waitInRuns } from './continue-as-new.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { secondsUntil } from './retry.ts';
import type { PollState } from './state.ts';
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
  delete poll.lasted;
  delete poll.noJob;
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
 * Notes that a kick-off failed, such as by a 500, and whether the server has no job of it for sure. That may be about this
 * request alone, so others are to have their try: the slot is kept as after a refusal, or until a pause where nobody reaches
 * the server. The time of the outage goes on.
 *
 * @returns whether the slot may be given back
 */
export function noteNoJob(
  { job: { poll }, state: { gate }, slots, limits }: ExportRun,
  { noJob, unreachable }: Pick<KickOffTrouble, 'noJob' | 'unreachable'>,
): boolean {
  delete poll.noJob;
  if (gate === undefined || !slots.hasSlot || !patched('failed-kick-offs-give-back')) return false;
  const isOfRequest = noJob === true && unreachable !== true;
  if (isOfRequest) gate.keptUntil ??= Date.now() + limits.refusedKept;
  // After an outage it is kept for a moment once more.
  else delete gate.keptUntil;
  if (noJob === true) poll.noJob = isOfRequest ? true : 'unreachable';
  return noJob === true;
}

/**
 * Waits after a kick-off that was refused, or failed, until an operator wants a try at the latest.
 *
 * @returns false when the export has given its slot back, and is to ask for one again
 */
export async function waitRefused(run: ExportRun): Promise<boolean> {
  const { state, steering } = run;
  const { poll } = run.job;
  const { notBefore } = poll;
  if (state.gate === undefined) {
    await run.waitUntil(notBefore, summaryOf(poll));
    await continueIfLong(run);
    return true;
  }
  const isAway = poll.noJob === 'unreachable';
  const isOfEarlier = !isAway && run.slots.hasSlot && state.gate.keptUntil === undefined;
  // A run of an earlier version may have waited for as long as the server said.
  if (isOfEarlier && patched('refusals-of-earlier-versions-give-back')) state.gate.keptUntil = Date.now();
  const keptUntil = isAway ? notBefore : state.gate.keptUntil;
  if (keptUntil === undefined) {
    await waitInRuns(run, notBefore, summaryOf(poll));
    return true;
  }
  const until = Math.min(keptUntil, notBefore);
  const isEnded = (): boolean => state.pollRequested === true || steering.isHeld;
  run.show();
  while (!isEnded() && Date.now() < until) {
    await continueIfLong(run);
    await wait({ until, unless: () => isEnded() || isLong(), summary: summaryOf(poll) });
  }
  const isWanted = state.pollRequested === true && !steering.isHeld;
  if (isWanted) delete state.pollRequested;
  if (isWanted || (!steering.isHeld && Date.now() >= notBefore)) return true;
  run.slots.standBack();
  return false;
}

/** Waits without the slot that was given back after a kick-off; others may have it meanwhile. */
export async function waitWithoutSlot(run: ExportRun): Promise<void> {
  const { poll } = run.job;
  if ((poll.refusals === undefined && poll.noJob === undefined) || run.state.gate?.stoodBack !== true) return;
  if (poll.noJob !== undefined) run.enter('queued');
  await waitInRuns(run, poll.notBefore, summaryOf(poll));
  poll.notBefore = AT_ONCE;
}

/** While the export waits for a slot, the server is not asked: an outage of its kick-off lasts no longer by that. */
export function leaveOutQueue({ job: { poll }, steering: { clock } }: ExportRun, isQueued: boolean): void {
  if (poll.trouble === undefined) return;
  if (isQueued) {
    poll.lasted ??= clock - poll.trouble.since;
  } else if (poll.lasted !== undefined) {
    poll.trouble.since = clock - poll.lasted;
    delete poll.lasted;
  }
}

function summaryOf({ notBefore, noJob }: PollState): string {
  const why = noJob === undefined ? 'the server has no slot, ' : '';
  return `${why}kick-off again in ${secondsUntil(notBefore)} s`;
}
