import { describe, expect, test } from 'vitest';
import { describeGate, reportOf } from '../../../src/policy/gate/describe.ts';
import { nextDue } from '../../../src/policy/gate/decide.ts';
import { leave } from '../../../src/policy/gate/receive.ts';
import type { GateState } from '../../../src/policy/gate/gate-state.ts';
import type { Ask } from '../../../src/policy/gate/messages.ts';
import { beginSearch, endSearch } from '../../../src/policy/gate/search.ts';
import { beginRun } from '../../../src/policy/gate/silence.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, ask, emptyGate, holders, say } from './asks.ts';

const SILENT = NOW + LIMITS.gateAsk + LIMITS.gateSweep;

/** The gate decides something whenever it has to. */
function stayAwake(gate: GateState, from = NOW): void {
  for (let now = from; now < from + SILENT - NOW; now += LIMITS.gateSweep) say(gate, [], now);
}

describe('an export that says nothing', () => {
  test('is passed over, until it asks again, and it keeps its place', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b'), ask('c'), ask('d')]);
    stayAwake(gate);
    // It runs, as a search has found; it is paused, and cannot ask.
    endSearch(gate, [ask('b')], [], SILENT);
    say(gate, [ask('a', { turn: 2, slot: 'held' }), ask('c', { turn: 2 }), ask('d', { turn: 2 })], SILENT);
    expect(reportOf(gate, 'hospital', SILENT).silent.exports).toMatchObject([{ workflowId: 'b', slot: 'wanted' }]);
    leave(gate, ask('a'));
    expect(say(gate, [], SILENT).filter(({ grant }) => grant.slot)).toMatchObject([{ workflowId: 'c' }]);
    say(gate, [ask('b', { turn: 2 })], SILENT);
    leave(gate, ask('c'));
    say(gate, [], SILENT);
    expect(holders(gate)).toEqual(['b']);
  });

  test('keeps the slot that it holds, and people see it', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b')]);
    stayAwake(gate);
    say(gate, [ask('b', { turn: 2 })], SILENT);
    expect(holders(gate)).toEqual(['a']);
    expect(describeGate(reportOf(gate, 'hospital', SILENT))).toContain('`a`, slot held, not heard since 2027');
  });

  test('and downloads is named, and others have what it had, until it asks again', () => {
    const gate = emptyGate();
    const downloads = (name: string, more: Partial<Ask> = {}) =>
      ask(name, { slot: 'none', downloading: true, limits: { downloads: 1 }, ...more });
    say(gate, [downloads('a'), downloads('b')]);
    const shares = () => gate.members.map(({ workflowId, share }) => [workflowId, share]);
    expect(shares()).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    stayAwake(gate);
    // It would be the turn of the other one, but the first does not say that nothing is in flight any more.
    beginSearch(gate, NOW, LIMITS);
    say(gate, [downloads('b', { turn: 2, heard: 1 })], SILENT - 1);
    expect(shares()).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    const told = say(gate, [], SILENT);
    expect(told).toMatchObject([{ workflowId: 'b', grant: { downloads: 1 } }]);
    const report = reportOf(gate, 'hospital', SILENT);
    expect(report.silent).toMatchObject({ count: 1, exports: [{ workflowId: 'a', slot: 'none' }] });
    expect(describeGate(report)).toContain('`a`, slot none, not heard since 2027');
    // It goes on: they take turns again.
    say(gate, [downloads('a', { turn: 2, heard: 2 })], SILENT);
    beginSearch(gate, SILENT, LIMITS);
    say(gate, [], SILENT);
    say(gate, [downloads('b', { turn: 3, heard: 3 })], SILENT);
    expect(shares()).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
  });

  test('while the gate itself slept is not silent yet, unless it was before', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b'), ask('c')]);
    stayAwake(gate);
    say(gate, [ask('a', { turn: 2, slot: 'held' }), ask('c', { turn: 2 })], SILENT);
    const silent = (now: number) => reportOf(gate, 'hospital', now).silent.exports.map(({ workflowId }) => workflowId);
    expect(silent(SILENT)).toEqual(['b']);
    // All workers were down.
    const awake = SILENT + 3_600_000;
    say(gate, [], awake);
    expect(silent(awake)).toEqual(['b']);
    stayAwake(gate, awake);
    say(gate, [], awake + SILENT - NOW);
    expect(silent(awake).sort()).toEqual(['a', 'b', 'c']);
  });

  test('as far as a run of an earlier version knows is heard of anew', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b', { downloading: true, limits: { exports: 1, downloads: 3 } })]);
    beginRun(gate, 'second run', undefined);
    beginRun(gate, 'third run', 'second run');
    expect(gate.members.map(({ saidAt }) => saidAt)).toEqual([NOW, NOW]);
    expect(gate.members[1]?.sharedBy).toBe(1);
    // A worker of an earlier version had another run in between, and carried along what it does not know.
    beginRun(gate, 'fifth run', 'fourth run');
    say(gate, [], SILENT);
    expect(reportOf(gate, 'hospital', SILENT).silent.count).toBe(0);
    expect(gate.members[1]?.sharedBy).toBeUndefined();
  });

  test('has its turn at a gate of an earlier version, as its history says', () => {
    const gate = { ...emptyGate(), skipsSilent: false, listensWell: false };
    say(gate, [ask('a'), ask('b'), ask('c')]);
    stayAwake(gate);
    say(gate, [ask('c', { turn: 2 })], SILENT);
    leave(gate, ask('a'));
    say(gate, [], SILENT);
    expect(holders(gate)).toEqual(['b']);
  });
});

describe('a clock that is set back by two hours', () => {
  const AHEAD = NOW + 2 * 3_600_000;

  test('delays no search for those that are over', () => {
    const gate = emptyGate();
    say(gate, [ask('a'), ask('b')], AHEAD);
    endSearch(gate, beginSearch(gate, AHEAD, LIMITS), [], AHEAD);
    say(gate, [], NOW);
    expect(nextDue(gate, NOW, LIMITS)).toBe(NOW + LIMITS.gateSweep);
    const sought = beginSearch(gate, NOW + LIMITS.gateSweep, LIMITS);
    expect(sought.map(({ workflowId }) => workflowId)).toEqual(expect.arrayContaining(['a', 'b']));
  });

  test('keeps downloads few no longer than otherwise, and is no reason to grant what another has', () => {
    const gate = emptyGate();
    const limits = { downloads: 8, exports: 1 };
    say(gate, [ask('a', { slot: 'held', downloading: true, limits })], AHEAD);
    say(gate, [ask('a', { turn: 2, slot: 'held', downloading: true, pressure: true, limits })], AHEAD);
    expect(gate.total).toBe(4);
    say(gate, [ask('b', { limits })], NOW);
    expect(holders(gate)).toEqual(['a']);
    say(gate, [], NOW + LIMITS.gateQuiet);
    expect(gate.total).toBe(5);
  });
});
