import { describe, expect, test } from 'vitest';
import { pack, unpack } from '../../../src/policy/gate/carry.ts';
import { decide } from '../../../src/policy/gate/decide.ts';
import { leave } from '../../../src/policy/gate/receive.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate, holders, say } from './asks.ts';

describe('a gate that is not the first', () => {
  test('grants nothing until exports that run have had the time to ask, and admits those that hold', () => {
    const gate = { ...emptyGate(), grantsFrom: NOW + 1000 };
    say(gate, [ask('a'), ask('b', { slot: 'held' })]);
    expect(holders(gate)).toEqual(['b']);
    leave(gate, ask('b'));
    decide(gate, NOW + 999, LIMITS);
    expect(holders(gate)).toEqual([]);
    decide(gate, NOW + 1000, LIMITS);
    expect(holders(gate)).toEqual(['a']);
  });

  test('without a trace of an earlier one grants nothing either, once an export knows of it', () => {
    const gate = emptyGate();
    say(gate, [ask('a', { heard: 3 })]);
    expect(holders(gate)).toEqual([]);
    say(gate, [], NOW + LIMITS.gateSweep);
    say(gate, [ask('a', { turn: 2, heard: 3 })], NOW + LIMITS.gateAsk);
    expect(holders(gate)).toEqual([]);
    decide(gate, NOW + LIMITS.gateAsk + LIMITS.gateSweep, LIMITS);
    expect(holders(gate)).toEqual(['a']);
  });

  test('gives exports that hold slots their time to ask, also when its clock is set ahead', () => {
    const heardAll = LIMITS.gateAsk + LIMITS.gateSweep;
    const gate = { ...emptyGate(), grantsFrom: NOW + heardAll };
    say(gate, [ask('a')]);
    const later = NOW + 24 * 3_600_000;
    decide(gate, later, LIMITS);
    expect(holders(gate)).toEqual([]);
    for (let now = later; now < later + heardAll; now += LIMITS.gateSweep) say(gate, [ask('a', { turn: now })], now);
    expect(holders(gate)).toEqual([]);
    decide(gate, later + heardAll, LIMITS);
    expect(holders(gate)).toEqual(['a']);
  });

  test('after one that has ended by itself keeps nobody waiting who wants something anew', () => {
    const gate = emptyGate();
    say(gate, [ask('a', { heard: 3, isNew: true })]);
    expect(holders(gate)).toEqual(['a']);
  });

  test('waits for nobody when those ask again for whom there was no room in its new run', () => {
    const gate = emptyGate();
    const names = Array.from({ length: 1000 }, (_, index) => `${index}`.padStart(900, 'x'));
    say(
      gate,
      names.map((name) => ask(name)),
    );
    const [carried, ...parts] = pack(gate);
    const next = unpack(carried, parts);
    const known = new Set(next.members.map(({ workflowId }) => workflowId));
    leave(next, ask(holders(next)[0] as string));
    say(next, [ask(names.find((name) => !known.has(name)) as string, { turn: 2, heard: 1 })]);
    expect(holders(next)).toHaveLength(1);
  });

  test('that was reset goes on with the numbers that exports have heard since', () => {
    const gate = emptyGate();
    say(gate, [ask('a')]);
    expect(say(gate, [ask('a', { turn: 2, heard: 7 })])[0]?.grant.number).toBe(8);
  });

  test('goes on with the numbers of grants that exports have heard', () => {
    const gate = emptyGate();
    expect(say(gate, [ask('a', { heard: 7 })])[0]?.grant.number).toBe(8);
  });
});
