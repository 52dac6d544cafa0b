import { describe, expect, test } from 'vitest';
import { decide } from '../../../src/policy/gate/decide.ts';
import { leave } from '../../../src/policy/gate/receive.ts';
import type { Ask } from '../../../src/policy/gate/messages.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate, holders, letters, say } from './asks.ts';

/** Ends the export that holds the slot, again and again; gives the order in which they were served. */
function serve(asks: readonly Ask[]): string[] {
  const gate = emptyGate();
  say(gate, asks);
  const served: string[] = [];
  for (let holder = gate.members.find(({ slot }) => slot === 'held'); holder !== undefined;) {
    served.push(holder.workflowId);
    leave(gate, holder);
    decide(gate, NOW, LIMITS);
    holder = gate.members.find(({ slot }) => slot === 'held');
  }
  return served;
}

describe('order', () => {
  test('first come, first served, whatever the order of the messages', () => {
    expect(serve([ask('b'), ask('d'), ask('a'), ask('c')])).toEqual(['a', 'b', 'c', 'd']);
  });

  test('priority before time', () => {
    expect(serve([ask('a'), ask('b', { priority: 5 }), ask('c', { priority: 1 })])).toEqual(['c', 'a', 'b']);
  });

  test('keys take turns, whoever of them came first', () => {
    const of = (key: string, names: string) => letters(names).map((name) => ask(name, { fairnessKey: key }));
    expect(serve([...of('x', 'abcd'), ...of('y', 'ef'), ...of('z', 'g')]).join('')).toBe('aegbfcd');
  });

  test('by weight', () => {
    const of = (key: string, names: string, weight: number) =>
      letters(names).map((name) => ask(name, { fairnessKey: key, weight }));
    expect(serve([...of('x', 'abcdef', 2), ...of('y', 'ghi', 1)]).join('')).toBe('agbchdeif');
  });

  test('a key that comes later has no claim to the turns of the past', () => {
    const gate = emptyGate();
    const keyed = (name: string, fairnessKey: string) => ask(name, { fairnessKey });
    say(
      gate,
      letters('abcdef').map((name) => keyed(name, 'x')),
    );
    for (const name of 'abc') {
      leave(gate, ask(name));
      decide(gate, NOW, LIMITS);
    }
    say(gate, [keyed('g', 'y'), keyed('h', 'y')]);
    const order = gate.members
      .filter(({ slot }) => slot === 'wanted')
      .sort((one, other) => (one.place ?? 0) - (other.place ?? 0));
    expect(order.map(({ workflowId }) => workflowId).join('')).toBe('gehf');
  });

  test('the place that it was told is the order in which they are served', () => {
    const asks = letters('abcdefgh').map((name, index) =>
      ask(name, { fairnessKey: `${index % 3}`, priority: 1 + (index % 2), limits: { exports: 1 } }),
    );
    const gate = emptyGate();
    say(gate, asks);
    const told = gate.members.filter(({ slot }) => slot === 'wanted').sort((a, b) => (a.place ?? 0) - (b.place ?? 0));
    expect(serve(asks).slice(1)).toEqual(told.map(({ workflowId }) => workflowId));
  });
});

describe('limits', () => {
  test('never more than there are, and others wait with their place', () => {
    const gate = emptyGate();
    const limits = { exports: 2 };
    const out = say(
      gate,
      letters('abcd').map((name) => ask(name, { limits })),
    );
    expect(out.map(({ workflowId, grant }) => [workflowId, grant.slot, grant.place, grant.waiting])).toEqual([
      ['a', true, undefined, undefined],
      ['b', true, undefined, undefined],
      ['c', false, 1, 2],
      ['d', false, 2, 2],
    ]);
  });

  test('each group has its own', () => {
    const gate = emptyGate();
    say(gate, [ask('a', { pool: 'Group/1' }), ask('b', { pool: 'Group/2' }), ask('c', { pool: 'Group/1' })]);
    expect(holders(gate)).toEqual(['a', 'b']);
  });

  test('a limit that was lowered takes nobody their slot, and grants none until it holds', () => {
    const gate = emptyGate();
    say(
      gate,
      letters('abcd').map((name) => ask(name, { limits: { exports: 3 } })),
    );
    say(gate, [ask('e', { limits: { exports: 1 } })]);
    expect(holders(gate)).toEqual(['a', 'b', 'c']);
    leave(gate, ask('a'));
    leave(gate, ask('b'));
    decide(gate, NOW, LIMITS);
    expect(holders(gate)).toEqual(['c']);
    leave(gate, ask('c'));
    decide(gate, NOW, LIMITS);
    expect(holders(gate)).toEqual(['d']);
  });

  test('a limit that a worker said late, or with an old message, is no news', () => {
    const gate = emptyGate();
    say(gate, [ask('a', { turn: 5, limits: { exports: 1 } }), ask('b', { turn: 6, limits: { exports: 1 } })]);
    say(gate, [ask('a', { turn: 5, limits: { exports: 9 } })]);
    say(gate, [ask('c', { turn: 4, limits: { exports: 9 } })]);
    expect(holders(gate)).toEqual(['a']);
  });

  test('without a limit everybody has a slot', () => {
    const gate = emptyGate();
    say(
      gate,
      letters('abc').map((name) => ask(name, { limits: { downloads: 5 } })),
    );
    expect(holders(gate)).toEqual(['a', 'b', 'c']);
  });

  test('an export whose job the server has already holds a slot, also above the limit', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b')]);
    say(gate, [ask('c', { slot: 'held' })]);
    expect(holders(gate)).toEqual(['a', 'c']);
    leave(gate, ask('a'));
    decide(gate, NOW, LIMITS);
    expect(holders(gate)).toEqual(['c']);
  });
});

describe('messages', () => {
  test('that come twice, or again, change nothing and are answered', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b')]);
    expect(say(gate, [ask('a')])).toEqual([]);
    const again = say(gate, [ask('a', { turn: 2 }), ask('b', { turn: 2 })]);
    expect(again.map(({ grant }) => [grant.slot, grant.place, grant.number])).toEqual([
      [true, undefined, 2],
      [false, 1, 2],
    ]);
    expect(holders(gate)).toEqual(['a']);
  });

  test('tell the export which of its messages they answer', () => {
    const gate = emptyGate();
    expect(say(gate, [ask('a', { turn: 7 })])[0]?.grant.turn).toBe(7);
  });

  test('of an export that gave its slot back and wants another: it waits for it', () => {
    const gate = emptyGate();
    say(gate, [ask('a', { slot: 'held' }), ask('b')]);
    say(gate, [ask('a', { turn: 2, wantedFrom: 2 })]);
    // Who came first is first; nobody has kept anything.
    expect(holders(gate)).toEqual(['a']);
    const later = emptyGate();
    say(later, [ask('c', { slot: 'held' }), ask('b')]);
    say(later, [ask('c', { turn: 2, wantedFrom: 2 })]);
    expect(holders(later)).toEqual(['b']);
    // It has not heard yet that it has one: the same wish as before.
    say(later, [ask('b', { turn: 2 })]);
    expect(holders(later)).toEqual(['b']);
  });

  test('an old one that comes late does not undo a newer one', () => {
    const gate = emptyGate();
    say(gate, [ask('a', { turn: 3, slot: 'none', downloading: true })]);
    say(gate, [ask('a', { turn: 2, slot: 'held' })]);
    expect(holders(gate)).toEqual([]);
  });

  test('an export that needs nothing any more leaves', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b')]);
    const out = say(gate, [ask('a', { turn: 2, slot: 'none' })]);
    expect(out.map(({ workflowId, grant }) => [workflowId, grant.slot])).toEqual([['b', true]]);
    expect(gate.members).toHaveLength(1);
  });

  test('another export of the same workflow id is another one', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('a', { firstRunId: 'later', since: NOW + 1000 })]);
    expect(gate.members.map(({ firstRunId, slot }) => [firstRunId, slot])).toEqual([
      ['run of a', 'held'],
      ['later', 'wanted'],
    ]);
    leave(gate, { workflowId: 'a', firstRunId: 'run of a' });
    expect(decide(gate, NOW, LIMITS).map(({ grant }) => [grant.firstRunId, grant.slot])).toEqual([['later', true]]);
  });

  test('of the many that wait the first ten are told at once when they move up', () => {
    const gate = emptyGate();
    const names = Array.from({ length: 40 }, (_, index) => `${index + 10}`);
    say(
      gate,
      names.map((name, index) => ask(name, { since: NOW + index })),
    );
    leave(gate, ask('10'));
    const out = decide(gate, NOW, LIMITS);
    expect(out).toHaveLength(11);
    expect(out.map(({ grant }) => grant.place)).toEqual([undefined, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('turns of keys that nobody has are forgotten', () => {
    const gate = emptyGate();
    for (let index = 0; index < 50; index++) {
      const one = ask('a', { firstRunId: `${index}`, fairnessKey: `key ${index}` });
      say(gate, [one, ask('b', { turn: index + 1 })]);
      leave(gate, one);
    }
    decide(gate, NOW, LIMITS);
    expect(gate.turns.length).toBeLessThan(3);
  });
});
