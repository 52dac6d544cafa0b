import { describe, expect, test } from 'vitest';
import type { Ask } from '../../../src/policy/gate/messages.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { NOW, RULES, ask, emptyGate, say } from './asks.ts';

/** A run that a worker of an earlier version began: this one is to tell what its history says. */
const earlierRun = () => ({ ...emptyGate(), ...RULES, knowsShares: false, skipsSilent: false, listensWell: false });

const downloads = (more: Partial<Ask> = {}): Ask =>
  ask('a', { slot: 'none', downloading: true, limits: { downloads: 8 }, ...more });

describe('in a run of an earlier version', () => {
  test('a busy answer counts once more when its message comes once more', () => {
    const gate = earlierRun();
    say(gate, [downloads()]);
    const busy = downloads({ turn: 2, heard: 1, uses: 8, pressure: true });
    say(gate, [busy]);
    const [told] = say(gate, [busy], NOW + LIMITS.gatePressure);
    expect([gate.total, told?.grant.downloads]).toEqual([2, 2]);
  });

  test('an export is not told a share that it may have forgotten', () => {
    const gate = earlierRun();
    say(gate, [downloads()]);
    expect(say(gate, [downloads({ turn: 2, heard: 1, uses: 0, knowsNoShare: true })])).toEqual([]);
  });

  test('messages are heeded, and remembered, however far ahead their turn is', () => {
    const gate = earlierRun();
    const turn = NOW + 100 * 86_400_000;
    say(gate, [downloads({ turn })]);
    say(gate, [ask('b', { turn: turn - 1, limits: {} })]);
    expect([gate.limits, gate.limitsFrom]).toEqual([{ downloads: 8 }, turn]);
  });

  test('an export that has heard of another gate says so also when its wish is new', () => {
    const gate = earlierRun();
    say(gate, [ask('a', { heard: 3, isNew: true })]);
    expect(gate.isSecond).toBe(true);
  });

  test('an export that has left comes back by what it said before', () => {
    const gate = earlierRun();
    say(gate, [ask('a')]);
    say(gate, [ask('a', { turn: 2, slot: 'none' })]);
    say(gate, [ask('a')]);
    expect(gate.members).toHaveLength(1);
  });
});
