import { afterEach, beforeEach, vi } from 'vitest';
import type { AskGateInput } from '../../src/activities/ask-gate.ts';
import type { Grant } from '../../src/policy/gate/messages.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import type { SlotHolder } from '../../src/workflows/slot-keeper.ts';
import { SlotKeeper } from '../../src/workflows/slot-keeper.ts';
import type { GateSeat } from '../../src/workflows/state.ts';
import { newState } from '../../src/workflows/state.ts';

/** What the gate is told, as the workflow would have it told: no time passes but by the test. */
const { asked, gate, askGate } = vi.hoisted(() => {
  const asked: AskGateInput['ask'][] = [];
  const gate: { fault?: Error; answer?: Promise<void> } = {};
  return {
    asked,
    gate,
    askGate: async ({ ask }: AskGateInput) => {
      asked.push(ask);
      await gate.answer;
      if (gate.fault !== undefined) throw gate.fault;
      return { kind: 'asked' };
    },
  };
});
vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  patched: () => true,
  workflowInfo: () => ({ workflowId: 'export', firstExecutionRunId: 'first run' }),
  CancellationScope: { nonCancellable: (act: () => Promise<unknown>) => act() },
  log: { warn: () => {} },
  metricMeter: (await import('@temporalio/common')).noopMetricMeter,
  condition: async (isTrue: () => boolean, time = Infinity) => {
    // A timer ends when its time has passed, also when the clock is set back meanwhile.
    let [left, last] = [time, Date.now()];
    while (!isTrue() && left > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = Date.now();
      left -= Math.max(0, now - last);
      last = now;
    }
    return isTrue();
  },
}));
vi.mock('../../src/workflows/activity-options.ts', () => ({
  boundedStep: () => ({ askGate, leaveGate: () => Promise.resolve() }),
}));

export const NOW = 1_800_000_000_000;
const keepers: SlotKeeper[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  asked.length = 0;
  delete gate.fault;
  delete gate.answer;
});
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.release()));
  vi.useRealTimers();
});

const SEAT: GateSeat = { slot: 'none', since: NOW, turn: 0, heard: 0, askedAt: NOW, downloading: false };

/** A run that begins with this seat. */
export function begin(seat: Partial<GateSeat>): { keeper: SlotKeeper; run: SlotHolder & { inFlight: number } } {
  const state = newState(NOW);
  state.gate = { ...SEAT, ...seat };
  state.opened = {
    gate: { slots: true, downloads: true, hasJob: false, deleteFreesSlot: true },
  } as typeof state.opened;
  const run = {
    request: { server: 'hospital', level: 'system' } as const,
    state,
    limits: LIMITS,
    inFlight: 0,
    show: vi.fn(),
  };
  const keeper = new SlotKeeper(run);
  keepers.push(keeper);
  keeper.start();
  return { keeper, run };
}

/** All that is due has been told. */
export async function told(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What the gate says. */
export const grant = (more: Partial<Grant>): Grant => ({ firstRunId: 'first run', number: 1, slot: false, ...more });

export { asked, gate };
