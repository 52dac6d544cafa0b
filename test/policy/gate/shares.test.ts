import { describe, expect, test } from 'vitest';
import { decide, isIdle, nextDue } from '../../../src/policy/gate/decide.ts';
import type { GateState } from '../../../src/policy/gate/gate-state.ts';
import type { Ask } from '../../../src/policy/gate/messages.ts';
import { leave } from '../../../src/policy/gate/receive.ts';
import { beginSearch } from '../../../src/policy/gate/search.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate, say } from './asks.ts';

const limits = { downloads: 8 };
const downloads = (name: string, more: Partial<Ask> = {}): Ask =>
  ask(name, { slot: 'none', downloading: true, limits, ...more });
const shares = ({ members }: GateState) =>
  Object.fromEntries(members.map(({ workflowId, share }) => [workflowId, share]));

describe('downloads are shared equally', () => {
  test('one export has all, and gives up as many as others need before they have them', () => {
    const gate = emptyGate();
    say(gate, [downloads('a')]);
    expect(shares(gate)).toEqual({ a: 8 });
    say(gate, [downloads('b')]);
    expect(shares(gate)).toEqual({ a: 4, b: 0 });
    say(gate, [downloads('a', { turn: 2, heard: 2, uses: 6 })]);
    expect(shares(gate)).toEqual({ a: 4, b: 2 });
    say(gate, [downloads('a', { turn: 3, heard: 2, uses: 4 })]);
    expect(shares(gate)).toEqual({ a: 4, b: 4 });
    leave(gate, downloads('a'));
    decide(gate, NOW, LIMITS);
    expect(shares(gate)).toEqual({ b: 8 });
  });

  test('what an export said before it heard of its share is not taken for an answer', () => {
    const gate = emptyGate();
    say(gate, [downloads('a')]);
    say(gate, [downloads('b')]);
    say(gate, [downloads('a', { turn: 2, heard: 0, uses: 0 })]);
    expect(shares(gate)).toEqual({ a: 4, b: 0 });
  });

  test('an export that gives up some is believed, although another answer is on its way to it', () => {
    const gate = emptyGate();
    say(gate, [downloads('a')]);
    say(gate, [downloads('b')]);
    // Its server is busy: the answer says nothing new about its share.
    say(gate, [downloads('a', { turn: 2, heard: 2, uses: 8, slot: 'held' })]);
    say(gate, [downloads('a', { turn: 3, heard: 2, uses: 4, slot: 'held' })]);
    expect(shares(gate)).toEqual({ a: 4, b: 4 });
  });

  test('an export that does not know its share any more is told', () => {
    const gate = emptyGate();
    say(gate, [downloads('a')]);
    expect(say(gate, [downloads('a', { turn: 2, heard: 1, uses: 8 })])).toEqual([]);
    expect(say(gate, [downloads('a', { turn: 3, heard: 1, uses: 0 })])[0]?.grant).toMatchObject({ downloads: 8 });
  });

  test('an export that does not know that there is no limit any more is told', () => {
    const gate = emptyGate();
    const free = (turn: number, more: Partial<Ask> = {}) => downloads('a', { limits: {}, turn, ...more });
    say(gate, [free(1)]);
    expect(say(gate, [free(2, { heard: 1 })])).toEqual([]);
    // Its downloads have ended, and others have begun, before it could say so.
    expect(say(gate, [free(3, { heard: 1, knowsNoShare: true })])[0]?.grant.downloads).toBeUndefined();
    expect(gate.members[0]?.sent).toBe(2);
  });

  test('what is left over goes to those that came first', () => {
    const gate = emptyGate();
    say(gate, [downloads('a'), downloads('b'), downloads('c')]);
    expect(shares(gate)).toEqual({ a: 3, b: 3, c: 2 });
  });

  test('exports that are more than there are downloads take turns', () => {
    const gate = emptyGate();
    const few = (name: string, more: Partial<Ask> = {}) => downloads(name, { limits: { downloads: 1 }, ...more });
    say(gate, [few('a'), few('b')]);
    expect(shares(gate)).toEqual({ a: 1, b: 0 });
    beginSearch(gate, NOW, LIMITS);
    decide(gate, NOW, LIMITS);
    expect(shares(gate)).toEqual({ a: 0, b: 0 });
    say(gate, [few('a', { turn: 2, heard: 2 })]);
    expect(shares(gate)).toEqual({ a: 0, b: 1 });
  });

  test('an export that only waits has none, and one without a limit is told of none', () => {
    const gate = emptyGate();
    expect(say(gate, [ask('a', { limits }), downloads('b')]).map(({ grant }) => grant.downloads)).toEqual([0, 8]);
    const free = emptyGate();
    expect(say(free, [downloads('a', { limits: {} })]).map(({ grant }) => grant.downloads)).toEqual([undefined]);
  });
});

describe('a busy server', () => {
  test('halves what all have, once for answers that belong together, to one at least', () => {
    const gate = emptyGate();
    say(gate, [downloads('a'), downloads('b')]);
    const pressed = (turn: number, now: number) =>
      say(gate, [downloads('a', { turn, pressure: true }), downloads('b', { turn, pressure: true })], now);
    pressed(2, NOW);
    expect(gate.total).toBe(4);
    pressed(3, NOW + LIMITS.gatePressure - 1);
    expect(gate.total).toBe(4);
    for (let times = 1; times < 5; times++) pressed(3 + times, NOW + times * LIMITS.gatePressure);
    expect(gate.total).toBe(1);
  });

  test('not for a message that comes twice, or late', () => {
    const gate = emptyGate();
    const busy = downloads('a', { turn: 2, pressure: true });
    say(gate, [downloads('a')]);
    say(gate, [busy]);
    const later = NOW + LIMITS.gatePressure;
    say(gate, [busy, downloads('a', { turn: 1, pressure: true })], later);
    expect(gate.total).toBe(4);
  });

  test('one more is allowed for each quiet minute, up to the limit', () => {
    const gate = emptyGate();
    say(gate, [downloads('a')]);
    say(gate, [downloads('a', { turn: 2, pressure: true })]);
    const at = (time: number) => (decide(gate, NOW + time, LIMITS), gate.total);
    expect(nextDue(gate, NOW, LIMITS)).toBe(NOW + LIMITS.gateQuiet);
    expect([59_999, 60_000, 119_999, 120_000, 600_000].map(at)).toEqual([4, 5, 5, 6, 8]);
  });
});

test('a gate that nobody needs ends after its time', () => {
  const gate = emptyGate();
  say(gate, [ask('a')]);
  leave(gate, ask('a'));
  decide(gate, NOW + 1000, LIMITS);
  expect(isIdle(gate, NOW + LIMITS.gateIdle - 1, LIMITS)).toBe(false);
  expect(isIdle(gate, NOW + LIMITS.gateIdle, LIMITS)).toBe(true);
  expect(nextDue(gate, NOW, LIMITS)).toBe(NOW + LIMITS.gateIdle);
});
