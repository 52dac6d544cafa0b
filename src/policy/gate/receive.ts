import type { GateState, GateTimes, Member } from './gate-state.ts';
import { isSame, newMember, saidBy, timeToHear } from './gate-state.ts';
import type { Ask, ExportName } from './messages.ts';
import { MOST_MISSED } from './messages.ts';

/** Turns are times, of clocks that may have been wrong. One that is further ahead would make the gate deaf to all others. */
const FURTHEST_AHEAD = 24 * 3_600_000;

/** Milliseconds by which the clocks of workers may differ. A turn that is further ahead is heeded, but makes no later message an old one. */
const WORKERS_DIFFER = 60_000;

/** Exports that have left, and are remembered. */
const MOST_LEAVERS = 200;

/** Takes what an export says. Anybody may have sent it. */
export function receiveAsk(state: GateState, ask: Ask, now: number, times: GateTimes): void {
  const { knowsShares = false } = state;
  if (knowsShares && ask.turn > now + FURTHEST_AHEAD) return;
  if (!knowsShares && ask.pressure === true) press(state, now, times);
  const known = state.members.find((member) => isSame(member, ask));
  const last = known ?? state.leavers?.find((leaver) => isSame(leaver, ask));
  // It has said something newer since.
  const isCredible = last !== undefined && (state.listensWell !== true || last.turn <= now + WORKERS_DIFFER);
  if (isCredible && last.turn >= ask.turn) return;
  if (knowsShares && ask.pressure === true) press(state, now, times);
  // Turns are times: what a worker with an earlier configuration said, and comes late, is no news.
  if (ask.turn >= (state.limitsFrom ?? 0)) takeLimits(state, ask, now);
  if (ask.slot === 'none' && !ask.downloading) return leave(state, ask, ask.turn);
  if (known === undefined) {
    // An earlier export of this workflow id is over; whether it is the one that is known shows when it is looked for.
    if (state.members.some(({ workflowId }) => workflowId === ask.workflowId)) state.sweptAt = 0;
    const isNew = knowsShares && ask.isNew === true;
    if (ask.heard > 0 && ask.slot !== 'none' && !isNew) hearOfEarlier(state, now, times);
    state.members.push({ ...newMember(ask, now), owed: true });
    return;
  }
  // It has not heard of its slot yet, or not any more, and is told again; unless it has given that one back.
  const isSameSlot = known.pool === ask.pool && (known.wantedFrom ?? 0) >= (ask.wantedFrom ?? 0);
  const keeps = known.slot === 'held' && ask.slot === 'wanted' && isSameSlot;
  const isNews = state.answersNews !== true || keeps || ask.heard !== known.sent || saysOther(state, known, ask);
  const member: Member = Object.assign(known, saidBy(ask), { heardAt: now, saidAt: now, asked: true as const });
  delete member.isSilent;
  if (isNews) member.owed = true;
  if (keeps) member.slot = 'held';
  // What it says of itself is about the share that it has, or it may yet start what that one allows.
  const sharedBy = (knowsShares ? member.sharedBy : undefined) ?? member.sent;
  const knowsShare = ask.heard === member.sent || (ask.heard >= sharedBy && ask.heard < member.sent);
  if (knowsShare) member.uses = Math.max(ask.uses, member.share);
  else member.uses = Math.max(ask.uses, member.uses);
  numberFrom(state, member, ask.heard);
  if (!member.downloading) member.uses = 0;
  if (!member.downloading) member.share = 0;
}

/** The export takes the next grant for a newer one than all that it has heard. */
function numberFrom({ listensWell }: GateState, member: Member, heard: number): void {
  if (listensWell === true && member.sent > heard + MOST_MISSED) {
    // Somebody else said in its name that it had heard more, and it takes no such number.
    member.sent = heard;
    delete member.sharedBy;
  }
  // A gate that was reset has forgotten grants that were heard.
  member.sent = Math.max(member.sent, heard);
}

/** Whether an export needs something else than before. */
function saysOther({ knowsShares, listensWell }: GateState, known: Member, ask: Ask): boolean {
  const { slot, pool, downloading, wantedFrom, uses } = ask;
  return (
    // It has ended its downloads and begun others, in one message, and does not know its share any more.
    (knowsShares === true && downloading && uses < known.share) ||
    (listensWell === true && downloading && ask.knowsNoShare === true) ||
    known.slot !== slot ||
    known.pool !== pool ||
    known.downloading !== downloading ||
    (known.wantedFrom ?? 0) !== (wantedFrom ?? 0)
  );
}

function takeLimits(state: GateState, { limits, turn }: Ask, now: number): void {
  const isShared = limits.downloads !== undefined;
  // Shares begin, or end: no share of nothing is another thing than no limit.
  if (state.answersNews === true && isShared !== (state.limits.downloads !== undefined)) {
    for (const member of state.members) if (member.downloading) member.owed = true;
  }
  Object.assign(state, { limits, limitsFrom: state.knowsShares === true ? Math.min(turn, now) : turn });
}

/**
 * An export is over, was found not to run, or needs nothing any more.
 *
 * @param turn of the message that said so; by default the last one that was heeded
 */
export function leave(state: GateState, gone: ExportName, turn?: number): void {
  const last = turn ?? state.members.find((member) => isSame(member, gone))?.turn;
  if (state.listensWell === true && last !== undefined) {
    // What it said before, and comes late, does not bring it back.
    const { workflowId, firstRunId } = gone;
    const others = (state.leavers ?? []).filter((leaver) => !isSame(leaver, gone));
    state.leavers = [...others.slice(1 - MOST_LEAVERS), { workflowId, firstRunId, turn: last }];
  }
  state.members = state.members.filter((member) => !isSame(member, gone));
}

/** Another gate knew this export, and is gone without a trace: others may hold slots that it granted. */
function hearOfEarlier(state: GateState, now: number, times: GateTimes): void {
  const heardAll = (state.bornAt ?? 0) + timeToHear(times);
  if (now >= heardAll) return;
  state.isSecond = true;
  state.grantsFrom = heardAll;
}

/** The server is busy: half as many downloads, once for all answers that belong together. */
function press(state: GateState, now: number, { gatePressure }: GateTimes): void {
  state.quietSince = now;
  if (state.total === undefined || now - state.halvedAt < gatePressure) return;
  state.total = Math.max(1, Math.floor(state.total / 2));
  state.halvedAt = now;
}
