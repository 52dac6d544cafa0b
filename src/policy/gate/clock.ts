import type { GateState, GateTimes } from './gate-state.ts';
import { timeToHear } from './gate-state.ts';

/** A gate decides something with each search. When it is late by more, it slept: there were no workers, or no Temporal. */
const LATE = 30_000;

/** Whether the gate could hear nobody for a time: it slept, or its clock was set ahead. */
export function hasSlept({ awakeAt }: GateState, now: number, { gateSweep }: GateTimes): boolean {
  return now - (awakeAt ?? now) > gateSweep + LATE;
}

/**
 * Minds that the clock may have been set, as when Temporal moves to another machine: what has been is never ahead, or
 * nothing would be done until then; and who holds a slot is heard for as long as the gate is awake, not by the clock alone.
 */
export function mindClock(state: GateState, now: number, times: GateTimes): void {
  if (state.mindsClock !== true) return;
  const { awakeAt = now } = state;
  if (state.grantsFrom > awakeAt && hasSlept(state, now, times)) state.grantsFrom = now + timeToHear(times);
  if (now >= awakeAt) return;
  state.grantsFrom = Math.min(state.grantsFrom, now + timeToHear(times));
  for (const time of ['sweptAt', 'idleSince', 'quietSince', 'halvedAt'] as const)
    state[time] = Math.min(state[time], now);
  for (const time of ['awakeAt', 'awakeSince', 'bornAt', 'limitsFrom'] as const) {
    if (state[time] !== undefined) state[time] = Math.min(state[time], now);
  }
  for (const member of state.members) {
    member.heardAt = Math.min(member.heardAt, now);
    if (member.saidAt !== undefined) member.saidAt = Math.min(member.saidAt, now);
  }
}
