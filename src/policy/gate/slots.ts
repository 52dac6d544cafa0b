import type { GateState, Member, Turns } from './gate-state.ts';
import { inOrder } from './gate-state.ts';

/** Grants every slot that is free, in all pools, and says in which pools somebody waits and in which order. */
export function grantSlots(state: GateState, now: number): Member[][] {
  // Turns of keys that nobody has are forgotten: there may be as many keys as exports.
  const inUse = new Set(state.members.map(({ pool, fairnessKey }) => JSON.stringify([pool, fairnessKey])));
  state.turns = state.turns.filter(({ pool, key }) => inUse.has(JSON.stringify([pool, key])));
  return [...new Set(state.members.map(({ pool }) => pool))].map((pool) => grantIn(state, pool, now));
}

/** @returns those that still wait, in the order in which they will have slots if nobody else comes */
function grantIn(state: GateState, pool: string, now: number): Member[] {
  const members = state.members.filter((member) => member.pool === pool);
  const queue = queueOf(
    members.filter(({ slot }) => slot === 'wanted'),
    state.turns.filter((turns) => turns.pool === pool),
  );
  if (now < state.grantsFrom) return queue;
  const held = members.filter(({ slot }) => slot === 'held').length;
  const free = Math.max(0, (state.limits.exports ?? Infinity) - held);
  for (const member of queue.splice(0, free)) {
    member.slot = 'held';
    member.owed = true;
    delete member.place;
    charge(state, member);
  }
  return queue;
}

/**
 * The order in which slots are granted: by priority, then in turns of the fairness keys, then first come, first served.
 *
 * @param turns that the keys have had in this pool
 */
export function queueOf(waiting: readonly Member[], turns: readonly Turns[]): Member[] {
  const had = new Map(turns.map(({ key, had }) => [key, had]));
  const least = Math.min(...had.values());
  const queues = new Map<string, Member[]>();
  for (const member of [...waiting].sort(inOrder)) {
    const queue = queues.get(queueName(member));
    if (queue === undefined) queues.set(queueName(member), [member]);
    else queue.push(member);
  }
  const order: Member[] = [];
  for (let next = nextOf(queues, had, least); next !== undefined; next = nextOf(queues, had, least)) {
    order.push(next);
    had.set(next.fairnessKey, turnsOf(had, next, least) + 1 / next.weight);
    const queue = queues.get(queueName(next)) as Member[];
    queue.shift();
    if (queue.length === 0) queues.delete(queueName(next));
  }
  return order;
}

function nextOf(
  queues: ReadonlyMap<string, readonly Member[]>,
  had: ReadonlyMap<string, number>,
  least: number,
): Member | undefined {
  let best: Member | undefined;
  for (const [head] of queues.values() as Iterable<readonly [Member]>) {
    const order =
      best === undefined
        ? -1
        : head.priority - best.priority || turnsOf(had, head, least) - turnsOf(had, best, least) || inOrder(head, best);
    if (order < 0) best = head;
  }
  return best;
}

/** A key that comes anew has had as many turns as the one with the fewest: it has no claim to those of the past. */
function turnsOf(had: ReadonlyMap<string, number>, { fairnessKey }: Member, least: number): number {
  return had.get(fairnessKey) ?? (least === Infinity ? 0 : least);
}

function queueName({ priority, fairnessKey }: Member): string {
  return `${priority} ${fairnessKey}`;
}

/** Counts a turn of the member's key. */
function charge(state: GateState, member: Member): void {
  const { pool, fairnessKey: key, weight } = member;
  const ofPool = state.turns.filter((turns) => turns.pool === pool);
  const own = ofPool.find((turns) => turns.key === key);
  if (own !== undefined) own.had += 1 / weight;
  else
    state.turns.push({
      pool,
      key,
      had: (ofPool.length === 0 ? 0 : Math.min(...ofPool.map(({ had }) => had))) + 1 / weight,
    });
}
