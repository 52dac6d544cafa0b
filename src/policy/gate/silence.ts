import { hasSlept } from './clock.ts';
import type { GateState, GateTimes, Member } from './gate-state.ts';
import { timeToHear } from './gate-state.ts';

/**
 * Begins a run of a gate. What is known of the silence of exports, and of which shares they know, was kept by the run
 * before, unless that was of an earlier version.
 *
 * @param before the run that this one continues
 */
export function beginRun(state: GateState, runId: string, before: string | undefined): void {
  if (state.listensWell !== true) return;
  if (state.ofRun !== before) {
    for (const member of state.members) {
      delete member.saidAt;
      delete member.isSilent;
      delete member.sharedBy;
    }
  }
  state.ofRun = runId;
}

/** Notes who runs and says nothing. To ask again ends it: an export that goes on does so by itself, and keeps its place. */
export function noteSilent(state: GateState, now: number, times: GateTimes): void {
  // While it slept nobody could be heard.
  if (hasSlept(state, now, times)) state.awakeSince = now;
  state.awakeAt = now;
  const awakeSince = state.listensWell === true ? (state.awakeSince ?? 0) : 0;
  for (const member of state.members) {
    member.saidAt ??= now;
    if (now - Math.max(member.saidAt, awakeSince) >= timeToHear(times)) member.isSilent = true;
  }
}

/** Whether an export gets no share, and is not waited for. Whatever it had in flight has ended, or nobody knows when. */
export function isOutOfDownloads({ listensWell }: GateState, { isSilent }: Member): boolean {
  return listensWell === true && isSilent === true;
}
