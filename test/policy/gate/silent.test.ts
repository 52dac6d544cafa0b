import { describe, expect, test } from 'vitest';
import { describeGate, reportOf } from '../../../src/policy/gate/describe.ts';
import { leave } from '../../../src/policy/gate/receive.ts';
import { endSearch } from '../../../src/policy/gate/search.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate, holders, say } from './asks.ts';

describe('an export that says nothing', () => {
  test('is passed over, until it asks again, and it keeps its place', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b'), ask('c'), ask('d')]);
    const later = NOW + LIMITS.gateAsk + LIMITS.gateSweep;
    // It runs, as a search has found; it is paused, and cannot ask.
    endSearch(gate, [ask('b')], [], later);
    say(gate, [ask('a', { turn: 2, slot: 'held' }), ask('c', { turn: 2 }), ask('d', { turn: 2 })], later);
    expect(reportOf(gate, 'hospital', later).silent.exports).toMatchObject([{ workflowId: 'b', slot: 'wanted' }]);
    leave(gate, ask('a'));
    expect(say(gate, [], later).filter(({ grant }) => grant.slot)).toMatchObject([{ workflowId: 'c' }]);
    say(gate, [ask('b', { turn: 2 })], later);
    leave(gate, ask('c'));
    say(gate, [], later);
    expect(holders(gate)).toEqual(['b']);
  });

  test('keeps the slot that it holds, and people see it', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b')]);
    const later = NOW + LIMITS.gateAsk + LIMITS.gateSweep;
    say(gate, [ask('b', { turn: 2 })], later);
    expect(holders(gate)).toEqual(['a']);
    expect(describeGate(reportOf(gate, 'hospital', later))).toContain('`a`, slot held, not heard since 2027');
  });

  test('has its turn at a gate of an earlier version, as its history says', () => {
    const gate = { ...emptyGate(), skipsSilent: false };
    say(gate, [ask('a'), ask('b'), ask('c')]);
    const later = NOW + LIMITS.gateAsk + LIMITS.gateSweep;
    say(gate, [ask('c', { turn: 2 })], later);
    leave(gate, ask('a'));
    say(gate, [], later);
    expect(holders(gate)).toEqual(['b']);
  });
});
