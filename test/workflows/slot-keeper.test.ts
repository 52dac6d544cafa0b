import { ApplicationFailure } from '@temporalio/workflow';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AskGateInput } from '../../src/activities/ask-gate.ts';
import type { Grant } from '../../src/policy/gate/messages.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { BatchResults } from '../../src/workflows/batch-results.ts';
import type { SlotHolder } from '../../src/workflows/slot-keeper.ts';
import { SlotKeeper } from '../../src/workflows/slot-keeper.ts';
import type { GateSeat } from '../../src/workflows/state.ts';
import { newDownloads, newState } from '../../src/workflows/state.ts';

/** What the gate is told, as the workflow would have it told: no time passes but by the test. */
const { asked, gate, askGate } = vi.hoisted(() => {
  const asked: AskGateInput['ask'][] = [];
  const gate: { fault?: Error } = {};
  return {
    asked,
    gate,
    askGate: async ({ ask }: AskGateInput) => {
      asked.push(ask);
      await Promise.resolve();
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
  condition: async (isTrue: () => boolean) => {
    while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
    return true;
  },
}));
vi.mock('../../src/workflows/activity-options.ts', () => ({
  boundedStep: () => ({ askGate, leaveGate: () => Promise.resolve() }),
}));

const NOW = 1_800_000_000_000;
const keepers: SlotKeeper[] = [];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  asked.length = 0;
  delete gate.fault;
});
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.release()));
  vi.useRealTimers();
});

const SEAT: GateSeat = { slot: 'none', since: NOW, turn: 0, heard: 0, askedAt: NOW, downloading: false };

/** A run that begins with this seat. */
function begin(seat: Partial<GateSeat>): { keeper: SlotKeeper; run: SlotHolder & { inFlight: number } } {
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
async function told(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const grant = (more: Partial<Grant>): Grant => ({ firstRunId: 'first run', number: 1, slot: false, ...more });

test('messages are numbered by time: what an export says after a reset is newer than all that it said before', async () => {
  begin({ turn: 3, slot: 'wanted' });
  await told();
  expect(asked.map(({ turn }) => turn)).toEqual([NOW]);
});

test('numbers rise, whatever the clock says', async () => {
  begin({ turn: NOW + 5, slot: 'wanted' });
  await told();
  expect(asked.map(({ turn }) => turn)).toEqual([NOW + 6]);
});

test('a slot that it is granted is confirmed at once, so that a gate that is reset does not grant it to another', async () => {
  const { keeper } = begin({ slot: 'wanted', turn: 1 });
  await told();
  keeper.take(grant({ slot: true, turn: NOW }));
  await told();
  expect(asked.map(({ slot, heard }) => [slot, heard])).toEqual([
    ['wanted', 0],
    ['held', 1],
  ]);
});

test('a grant that answers what it said before it wanted this slot is not taken', async () => {
  const { keeper, run } = begin({ slot: 'wanted', turn: NOW, wantedFrom: NOW });
  keeper.take(grant({ slot: true, turn: NOW - 1 }));
  expect(run.state.gate).toMatchObject({ slot: 'wanted', heard: 1 });
  keeper.take(grant({ slot: true, turn: NOW, number: 2 }));
  expect(run.state.gate).toMatchObject({ slot: 'held', heard: 2 });
});

test('a new run says again that it needs nothing: the run before may not have told it', async () => {
  begin({ slot: 'none', turn: 7 });
  await told();
  expect(asked.map(({ slot, downloading }) => [slot, downloading])).toEqual([['none', false]]);
});

test('an export that never asked has nothing to say', async () => {
  begin({ slot: 'none', turn: 0 });
  await told();
  expect(asked).toEqual([]);
});

test('downloads that are still in flight are counted, until they are as few as are allowed', async () => {
  const { keeper, run } = begin({ slot: 'held', turn: 1, downloading: true, share: 5 });
  run.inFlight = 5;
  await told();
  keeper.take(grant({ downloads: 2 }));
  await told();
  run.inFlight = 3;
  await told();
  expect(asked.map(({ uses }) => uses)).toEqual([5]);
  run.inFlight = 2;
  await told();
  expect(asked.map(({ uses, heard }) => [uses, heard])).toEqual([
    [5, 0],
    [2, 1],
  ]);
});

test.each([
  ['outage', 1],
  ['elsewhere', 0],
] as const)('a busy answer presses on the server when it is its own: %s', (cause, times) => {
  const pressed = vi.fn();
  const steering = { clock: NOW };
  const run = { ...begin({}).run, steering, slots: { pressed }, stands: () => {} } as never;
  const files = { noun: 'attachment', state: newDownloads(0, 4, NOW), expires: () => undefined } as never;
  const parts = {
    queue: { waiting: 0, putOff: () => {} },
    window: { narrow: () => {}, widen: () => {} },
    links: { learn: () => {}, haveExpired: () => false, isOld: () => false, want: () => {} },
  } as never;
  const batch = { ranges: [[0, 1]], troubles: new Map(), ages: new Map(), reading: 0 } as never;
  new BatchResults(run, files, parts).take(batch, {
    done: {},
    failed: [],
    later: [{ cause, ranges: [[0, 1]], detail: 'HTTP 503', busy: true }],
  });
  expect(pressed).toHaveBeenCalledTimes(times);
});

test('that the server is busy is told by the next run, when this one ends before it may', async () => {
  const { keeper, run } = begin({ turn: 1, downloading: true, share: 2, pressedAt: NOW });
  await told();
  asked.length = 0;
  keeper.pressed();
  await told();
  expect(asked).toEqual([]);
  vi.setSystemTime(NOW + LIMITS.gatePressure);
  begin(structuredClone(run.state.gate) as GateSeat);
  await told();
  expect(asked.map(({ pressure }) => pressure)).toContain(true);
});

test('people see why nothing is downloaded when the gate cannot be asked, as long as that is so', async () => {
  gate.fault = new Error('PERMISSION_DENIED');
  const { keeper, run } = begin({ turn: 1, downloading: true, slot: 'held', share: 0 });
  await told();
  expect(run.state.job.poll.detail).toBe('the gate of the server could not be asked: PERMISSION_DENIED');
  expect(run.show).toHaveBeenCalled();
  delete gate.fault;
  keeper.ask();
  await told();
  expect(run.state.job.poll.detail).toBeUndefined();
});

test('one worker that does not know the server ends no limit of downloads: the gate is asked again', async () => {
  gate.fault = ApplicationFailure.create({ type: 'UnknownServer', message: 'this worker knows no server' });
  const { keeper, run } = begin({ turn: 1, slot: 'held', downloading: true, share: 2 });
  await told();
  expect([keeper.share, keeper.failure]).toEqual([2, undefined]);
  delete gate.fault;
  keeper.ask();
  await told();
  expect(asked).toHaveLength(2);
  expect(run.state.job.poll.detail).toBeUndefined();
});

test('an export that waits for a slot of a server that no worker knows fails', async () => {
  gate.fault = ApplicationFailure.create({ type: 'UnknownServer', message: 'this worker knows no server' });
  const { keeper } = begin({ turn: 1, slot: 'wanted' });
  await told();
  expect(keeper.failure).toBe(gate.fault);
});

test('a grant with a number that no gate has reached makes the export deaf to no other', () => {
  const { keeper, run } = begin({ slot: 'wanted', turn: 1 });
  keeper.take(grant({ number: 1e300 }));
  keeper.take(grant({ slot: true, turn: NOW }));
  expect(run.state.gate).toMatchObject({ slot: 'held', heard: 1 });
});

test('a wish that no gate has answered yet says so: what it heard before was about another one', async () => {
  const { keeper } = begin({ slot: 'none', turn: 7, heard: 3 });
  keeper.ask();
  await told();
  keeper.take(grant({ number: 4, turn: 7 }));
  keeper.ask();
  await told();
  keeper.take(grant({ number: 5, turn: NOW + 1, place: 1, waiting: 1 }));
  keeper.ask();
  await told();
  expect(asked.map(({ isNew }) => isNew)).toEqual([true, true, undefined]);
});
