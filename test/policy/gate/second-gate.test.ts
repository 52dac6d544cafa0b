import { describe, expect, test } from 'vitest';
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
    decide(gate, NOW + LIMITS.gateAsk + LIMITS.gateSweep, LIMITS);
    expect(holders(gate)).toEqual(['a']);
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
