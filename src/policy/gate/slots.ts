import type { GateState, Member, Turns } from './gate-state.ts';
import { inOrder } from './gate-state.ts';

/** Grants every slot that is free, in all pools, and says in which pools somebody waits and in which order. */
export function grantSlots(state: GateState, now: number): Member[][] {
  const pools = new Map<string, Member[]>();
  for (const member of state.members) {
    const members = pools.get(member.pool);
    if (members === undefined) pools.set(member.pool, [member]);
    else members.push(member);
  }
  const known = new Map(state.turns.map((turns) => [turns.pool, turns]));
  const granted = [...pools].map(([pool, members]) => grantIn(state, members, turnsIn(known.get(pool), members), now));
  state.turns = granted.flatMap(({ turns }) => (turns.keys.length === 0 ? [] : [turns]));
  return granted.map(({ queue }) => queue);
}

/** @returns `queue`: those that still wait, in the order in which they will have slots if nobody else comes */
function grantIn(
  { limits, grantsFrom }: GateState,
  members: readonly Member[],
  turns: Turns,
  now: number,
): { queue: Member[]; turns: Turns } {
  const queue = queueOf(members, turns);
  if (now < grantsFrom) return { queue, turns };
  const held = members.filter(({ slot }) => slot === 'held').length;
  const free = Math.max(0, (limits.exports ?? Infinity) - held);
  const ends = new Map(turns.keys);
  let { time } = turns;
  for (const member of queue.splice(0, free)) {
    member.slot = 'held';
    member.owed = true;
    delete member.place;
    time = beginOf(member, ends, time);
    ends.set(member.fairnessKey, time + 1 / member.weight);
  }
  return { queue, turns: { ...turns, time, keys: [...ends] } };
}

/** Turns of keys that nobody has are forgotten: there may be as many keys as exports. */
export function turnsIn(known: Turns | undefined, members: readonly Member[]): Turns {
  const { pool, time, keys } = known ?? { pool: members[0]?.pool ?? '', time: 0, keys: [] };
  const inUse = new Set(members.map(({ fairnessKey }) => fairnessKey));
  return { pool, time, keys: keys.filter(([key, end]) => inUse.has(key) && end > time) };
}

/** The order in which slots are granted: by priority, then in turns of the fairness keys, then first come, first served. */
export function queueOf(members: readonly Member[], turns: Turns): Member[] {
  const ends = new Map(turns.keys);
  let { time } = turns;
  const queues = new Map<string, Member[]>();
  for (const member of members.filter(({ slot }) => slot === 'wanted').sort(inOrder)) {
    const name = `${member.priority} ${member.fairnessKey}`;
    const queue = queues.get(name);
    if (queue === undefined) queues.set(name, [member]);
    else queue.push(member);
  }
  const order: Member[] = [];
  while (queues.size > 0) {
    const [name, queue] = nextOf(queues, ends, time);
    const next = queue.shift() as Member;
    order.push(next);
    time = beginOf(next, ends, time);
    ends.set(next.fairnessKey, time + 1 / next.weight);
    if (queue.length === 0) queues.delete(name);
  }
  return order;
}

function nextOf(queues: ReadonlyMap<string, Member[]>, ends: Map<string, number>, time: number): [string, Member[]] {
  let best: [string, Member[]] | undefined;
  for (const entry of queues) {
    if (best === undefined || isBefore(entry[1][0] as Member, best[1][0] as Member, ends, time)) best = entry;
  }
  return best as [string, Member[]];
}

function isBefore(one: Member, other: Member, ends: ReadonlyMap<string, number>, time: number): boolean {
  const order =
    one.priority - other.priority || beginOf(one, ends, time) - beginOf(other, ends, time) || inOrder(one, other);
  return order < 0;
}

/** When the next turn of a key begins. One that comes anew has no claim to turns of the past. */
function beginOf({ fairnessKey }: Member, ends: ReadonlyMap<string, number>, time: number): number {
  return Math.max(time, ends.get(fairnessKey) ?? 0);
}
