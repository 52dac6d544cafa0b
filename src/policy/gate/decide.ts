import { mindClock } from './clock.ts';
import type { GateState, GateTimes, Member } from './gate-state.ts';
import type { Outgoing } from './messages.ts';
import { settleTotal, shareDownloads } from './shares.ts';
import { noteSilent } from './silence.ts';
import { grantSlots } from './slots.ts';

/** Of those that wait, so many are told at once when their place changes; all others when they ask. */
const TOLD_AT_ONCE = 10;

/** Decides who has what by now, and whom to tell. */
export function decide(state: GateState, now: number, times: GateTimes): Outgoing[] {
  mindClock(state, now, times);
  noteSilent(state, now, times);
  settleTotal(state, now, times);
  shareDownloads(state, now);
  const waiting = new Map<Member, number>();
  for (const queue of grantSlots(state, now)) {
    for (const [index, member] of queue.entries()) {
      waiting.set(member, queue.length);
      const isFirst = index < TOLD_AT_ONCE;
      const isElsewhere = member.place !== index + 1;
      if (isFirst && isElsewhere) member.owed = true;
      // In a long queue the others would be told each time that somebody joins it.
      if (member.asked === true && (isElsewhere || (isFirst && member.among !== queue.length))) member.owed = true;
      if (member.owed === true) Object.assign(member, { place: index + 1, among: queue.length });
    }
  }
  for (const member of state.members) delete member.asked;
  if (state.members.length > 0) state.idleSince = now;
  return state.members.filter(({ owed }) => owed === true).map((member) => tell(state, member, waiting.get(member)));
}

function tell(state: GateState, member: Member, waiting: number | undefined): Outgoing {
  delete member.owed;
  member.sent++;
  const { workflowId, firstRunId, turn, sent, slot, place, share } = member;
  return {
    workflowId,
    firstRunId,
    grant: {
      firstRunId,
      number: sent,
      turn,
      slot: slot === 'held',
      ...(waiting === undefined ? {} : { place, waiting }),
      ...(state.total === undefined ? {} : { downloads: share }),
    },
  };
}

/**
 * When there is something to decide, or to do, without a message.
 *
 * @param isSearching a search is under way: the next one begins after it, whenever it is due
 */
export function nextDue(state: GateState, now: number, times: GateTimes, isSearching = false): number {
  const due = [];
  if (state.members.length === 0) due.push(state.idleSince + times.gateIdle);
  else due.push((isSearching ? now : state.sweptAt) + times.gateSweep);
  if (state.grantsFrom > now && state.members.length > 0) due.push(state.grantsFrom);
  if (state.total !== undefined && state.total < (state.limits.downloads ?? 0)) {
    due.push(state.quietSince + times.gateQuiet);
  }
  return Math.min(...due);
}

/** Whether nobody has needed the gate for so long that it may end: the next message starts it again. */
export function isIdle(state: GateState, now: number, { gateIdle }: GateTimes): boolean {
  return state.members.length === 0 && now - state.idleSince >= gateIdle;
}
