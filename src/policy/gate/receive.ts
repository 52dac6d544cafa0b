import type { GateState, GateTimes, Member } from './gate-state.ts';
import { isSame, newMember, saidBy, timeToHear } from './gate-state.ts';
import type { Ask, ExportName } from './messages.ts';

/** Turns are times, of clocks that may have been wrong. One that is further ahead would make the gate deaf to all others. */
const FURTHEST_AHEAD = 24 * 3_600_000;

/** Takes what an export says. */
export function receiveAsk(state: GateState, ask: Ask, now: number, times: GateTimes): void {
  if (ask.turn > now + FURTHEST_AHEAD) return;
  const known = state.members.find((member) => isSame(member, ask));
  // It has said something newer since.
  if (known !== undefined && known.turn >= ask.turn) return;
  if (ask.pressure === true) press(state, now, times);
  // Turns are times: what a worker with an earlier configuration said, and comes late, is no news.
  if (ask.turn >= (state.limitsFrom ?? 0)) takeLimits(state, ask, now);
  if (ask.slot === 'none' && !ask.downloading) return leave(state, ask);
  if (known === undefined) {
    // An earlier export of this workflow id is over; whether it is the one that is known shows when it is looked for.
    if (state.members.some(({ workflowId }) => workflowId === ask.workflowId)) state.sweptAt = 0;
    if (ask.heard > 0 && ask.slot !== 'none' && ask.isNew !== true) hearOfEarlier(state, now, times);
    state.members.push({ ...newMember(ask, now), owed: true });
    return;
  }
  // It has not heard of its slot yet, or not any more, and is told again; unless it has given that one back.
  const isSameSlot = known.pool === ask.pool && (known.wantedFrom ?? 0) >= (ask.wantedFrom ?? 0);
  const keeps = known.slot === 'held' && ask.slot === 'wanted' && isSameSlot;
  const isNews = state.answersNews !== true || keeps || ask.heard !== known.sent || saysOther(known, ask);
  const member: Member = Object.assign(known, saidBy(ask), { heardAt: now, saidAt: now, asked: true as const });
  delete member.isSilent;
  if (isNews) member.owed = true;
  if (keeps) member.slot = 'held';
  // What it says of itself is about the share that it has, or it may yet start what that one allows.
  const sharedBy = (state.knowsShares === true ? member.sharedBy : undefined) ?? member.sent;
  const knowsShare = ask.heard === member.sent || (ask.heard >= sharedBy && ask.heard < member.sent);
  if (knowsShare) member.uses = Math.max(ask.uses, member.share);
  else member.uses = Math.max(ask.uses, member.uses);
  // A gate that was reset has forgotten grants that were heard: its next ones must be newer.
  member.sent = Math.max(member.sent, ask.heard);
  if (!member.downloading) member.uses = 0;
  if (!member.downloading) member.share = 0;
}

/** Whether an export needs something else than before. */
function saysOther(known: Member, { slot, pool, downloading, wantedFrom, uses }: Ask): boolean {
  return (
    // It has ended its downloads and begun others, in one message, and does not know its share any more.
    (downloading && uses < known.share) ||
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
  Object.assign(state, { limits, limitsFrom: Math.min(turn, now) });
}

/** An export is over, or was found not to run. */
export function leave(state: GateState, gone: ExportName): void {
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
