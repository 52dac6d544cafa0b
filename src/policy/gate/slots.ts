import type { GateState, Member, Turns } from './gate-state.ts';
import { inOrder } from './gate-state.ts';
import { SortedList } from './sorted-list.ts';

/** Grants every slot that is free, in all pools, and says in which pools somebody waits and in which order. */
export function grantSlots(state: GateState, now: number): Member[][] {
  const granted = poolsOf(state).map((pool) => grantIn(state, pool, now));
  state.turns = granted.flatMap(({ turns }) => (turns.keys.length === 0 ? [] : [turns]));
  return granted.map(({ queue }) => queue);
}

/** Those that wait in each pool, in their order. */
export function queuesOf(state: GateState): Member[][] {
  return poolsOf(state).map((pool) => queueOf(state, pool));
}

interface Pool {
  members: Member[];
  turns: Turns;
}

function poolsOf(state: GateState): Pool[] {
  const pools = new Map<string, Member[]>();
  for (const member of state.members) {
    const members = pools.get(member.pool);
    if (members === undefined) pools.set(member.pool, [member]);
    else members.push(member);
  }
  const known = new Map(state.turns.map((turns) => [turns.pool, turns]));
  return [...pools].map(([pool, members]) => ({ members, turns: turnsIn(known.get(pool), members) }));
}

/** @returns `queue`: those that still wait, in the order in which they will have slots if nobody else comes */
function grantIn(state: GateState, pool: Pool, now: number): { queue: Member[]; turns: Turns } {
  const { limits, grantsFrom } = state;
  const { members, turns } = pool;
  const queue = queueOf(state, pool);
  if (now < grantsFrom) return { queue, turns };
  const held = members.filter(({ slot }) => slot === 'held').length;
  const free = Math.max(0, (limits.exports ?? Infinity) - held);
  const ends = new Map(turns.keys);
  let { time } = turns;
  for (const member of queue.splice(0, free)) {
    member.slot = 'held';
    member.owed = true;
    delete member.place;
    delete member.among;
    time = beginOf(member, ends, time);
    ends.set(member.fairnessKey, time + 1 / member.weight);
  }
  return { queue, turns: { ...turns, time, keys: [...ends] } };
}

/** Turns of keys that nobody has are forgotten: there may be as many keys as exports. */
function turnsIn(known: Turns | undefined, members: readonly Member[]): Turns {
  const { pool, time, keys } = known ?? { pool: members[0]?.pool ?? '', time: 0, keys: [] };
  const inUse = new Set(members.map(({ fairnessKey }) => fairnessKey));
  return { pool, time, keys: keys.filter(([key, end]) => inUse.has(key) && end > time) };
}

/** The order in which slots are granted: by priority, then in turns of the fairness keys, then first come, first served. */
function queueOf({ skipsSilent }: GateState, { members, turns }: Pool): Member[] {
  // A slot would help nobody that is paused, or has no workers, and be lost to all others.
  const waiting = members.filter(({ slot, isSilent }) => slot === 'wanted' && !(skipsSilent && isSilent));
  const ends = new Map(turns.keys);
  let { time } = turns;
  const order: Member[] = [];
  for (const lines of linesByPriority(waiting)) {
    // Of keys whose turn may begin now, and of those whose last turn has not ended: each line by its first member.
    const ready = new SortedList<Member[]>(byFirst);
    const later = new SortedList<Member[]>((one, other) => endOf(one, ends) - endOf(other, ends));
    for (const line of lines) later.add(line);
    for (;;) {
      while (later.first !== undefined && (endOf(later.first, ends) <= time || ready.first === undefined)) {
        time = Math.max(time, endOf(later.first, ends));
        ready.add(later.take() as Member[]);
      }
      const line = ready.take();
      if (line === undefined) break;
      const next = line.pop() as Member;
      order.push(next);
      ends.set(next.fairnessKey, time + 1 / next.weight);
      if (line.length > 0) later.add(line);
    }
  }
  return order;
}

/** Those that wait, by priority and then by key; the first of each line is its last element. */
function linesByPriority(members: readonly Member[]): Member[][][] {
  const priorities = new Map<number, Map<string, Member[]>>();
  const waiting = [...members].sort(inOrder);
  for (const { priority } of waiting) priorities.set(priority, new Map());
  for (const member of waiting.reverse()) {
    const lines = priorities.get(member.priority) as Map<string, Member[]>;
    const line = lines.get(member.fairnessKey);
    if (line === undefined) lines.set(member.fairnessKey, [member]);
    else line.push(member);
  }
  return [...priorities.values()].map((lines) => [...lines.values()]);
}

function byFirst(one: readonly Member[], other: readonly Member[]): number {
  return inOrder(one.at(-1) as Member, other.at(-1) as Member);
}

function endOf(line: readonly Member[], ends: ReadonlyMap<string, number>): number {
  return ends.get((line[0] as Member).fairnessKey) ?? 0;
}

/** When the next turn of a key begins. One that comes anew has no claim to turns of the past. */
function beginOf({ fairnessKey }: Member, ends: ReadonlyMap<string, number>, time: number): number {
  return Math.max(time, ends.get(fairnessKey) ?? 0);
}
