import type { GateState, Member } from './gate-state.ts';
import { inOrder } from './gate-state.ts';
import { queuesOf } from './slots.ts';

/** A state without its members, who are carried beside it, and without those who have left. */
export type CarriedGate = Omit<GateState, 'members' | 'leavers'>;

/** Bytes of each part: well below 64 KiB, as every payload is. */
const LONGEST_PART = 50_000;
/** Parts in which those that wait are carried. */
const MOST_PARTS = 16;

/**
 * The state as one run of a gate hands it to the next, in parts that are payloads of their own. Who holds a slot or
 * downloads is never left out; of those that wait the last ones are, when there are thousands: they ask again, and have
 * their place by the time at which they first asked. In each pool, those who come first are kept.
 */
export function pack(state: GateState): [CarriedGate, ...Member[][]] {
  const { members, leavers: _, ...rest } = state;
  const isUrgent = ({ slot, downloading }: Member): boolean => slot === 'held' || downloading;
  const places = new Map(queuesOf(state).flatMap((queue) => queue.map((member, place) => [member, place] as const)));
  const placeOf = (member: Member): number => places.get(member) ?? Infinity;
  const waiting = members.filter((member) => !isUrgent(member));
  waiting.sort((one, other) => placeOf(one) - placeOf(other) || inOrder(one, other));
  const parts = inParts(waiting);
  // Those that are left out have heard of this gate, not of an earlier one that is gone.
  if (parts.length > MOST_PARTS) delete rest.bornAt;
  return [rest, ...inParts(members.filter(isUrgent)), ...parts.slice(0, MOST_PARTS)];
}

export function unpack(carried: CarriedGate, parts: readonly Member[][]): GateState {
  return { ...carried, members: parts.flat() };
}

function inParts(members: readonly Member[]): Member[][] {
  const parts: Member[][] = [];
  let length = Infinity;
  for (const member of members) {
    const more = bytesOf(JSON.stringify(member)) + 1;
    if (length + more > LONGEST_PART) {
      parts.push([]);
      length = 0;
    }
    (parts.at(-1) as Member[]).push(member);
    length += more;
  }
  return parts;
}

/** Bytes of a text in UTF-8, at most: ids are of anybody's choosing. */
function bytesOf(text: string): number {
  let bytes = 0;
  for (let place = 0; place < text.length; place++) {
    const unit = text.charCodeAt(place);
    bytes += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
  }
  return bytes;
}
