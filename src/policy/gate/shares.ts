import type { GateState, GateTimes, Member } from './gate-state.ts';
import { inOrder } from './gate-state.ts';
import { isOutOfDownloads } from './silence.ts';

/** How many downloads all exports share now: one more for each quiet time, up to the limit. */
export function settleTotal(state: GateState, now: number, { gateQuiet }: GateTimes): void {
  const most = state.limits.downloads;
  if (most === undefined) {
    delete state.total;
    return;
  }
  const total = Math.min(most, state.total ?? most);
  const steps = Math.floor(Math.max(0, now - state.quietSince) / gateQuiet);
  state.total = Math.min(most, total + steps);
  state.quietSince += steps * gateQuiet;
}

/**
 * Shares the downloads among the exports that download, equally. A share becomes smaller at once, and larger when the
 * others have said that they have fewer in flight: so that all together never have more than the total, unless the total
 * itself has become smaller. Exports that say nothing have none, and the others do not wait for them.
 */
export function shareDownloads(state: GateState, now: number): void {
  const { total } = state;
  if (total === undefined) {
    for (const member of state.members) setShare(member, 0);
    return;
  }
  for (const member of state.members.filter((member) => isOutOfDownloads(state, member))) {
    setShare(member, 0);
    member.uses = 0;
  }
  const downloading = state.members.filter((member) => member.downloading && !isOutOfDownloads(state, member));
  const wanted = fairShares(downloading, total, state.rotation);
  for (const [index, member] of downloading.entries()) {
    if (member.share > (wanted[index] as number)) setShare(member, wanted[index] as number);
  }
  // Exports of which an earlier gate knew may have downloads in flight.
  if (now < state.grantsFrom) return;
  let spare = total - downloading.reduce((sum, { uses }) => sum + uses, 0);
  for (const [index, member] of downloading.entries()) {
    const share = Math.min(wanted[index] as number, member.uses + Math.max(0, spare));
    if (share <= member.share) continue;
    spare -= Math.max(0, share - member.uses);
    setShare(member, share);
    member.uses = Math.max(member.uses, share);
  }
}

/**
 * Equal shares; what is left over goes to those that came first.
 *
 * @param rotation which of them comes first: with more exports than downloads, all have their turn
 */
function fairShares(downloading: readonly Member[], total: number, rotation: number): number[] {
  const count = downloading.length;
  const places = new Map([...downloading].sort(inOrder).map((member, place) => [member, place]));
  const first = count > total ? rotation % count : 0;
  return downloading.map((member) => {
    const place = ((places.get(member) as number) + count - first) % count;
    return Math.floor(total / count) + (place < total % count ? 1 : 0);
  });
}

function setShare(member: Member, share: number): void {
  if (member.share === share) return;
  member.share = share;
  // It is told with the next grant.
  member.sharedBy = member.sent + 1;
  member.owed = true;
}
