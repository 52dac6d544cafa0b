import { beforeEach, describe, expect, test, vi } from 'vitest';
import { asked, begin, gate, grant, NOW, told } from './begin-keeper.ts';
import { ask, emptyGate, holders, say } from '../policy/gate/asks.ts';
import type { GateState } from '../../src/policy/gate/gate-state.ts';
import type { Outgoing } from '../../src/policy/gate/messages.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { BatchResults } from '../../src/workflows/batch-results.ts';
import type { SlotKeeper } from '../../src/workflows/slot-keeper.ts';
import type { GateSeat } from '../../src/workflows/state.ts';
import { newDownloads } from '../../src/workflows/state.ts';

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

test('that the server is busy is known to the next run until the gate has heard it', async () => {
  const { keeper, run } = begin({ turn: 1, downloading: true, share: 2 });
  await told();
  let answer = (): void => {};
  gate.answer = new Promise((resolve) => (answer = resolve));
  keeper.pressed();
  await told();
  expect(asked.at(-1)?.pressure).toBe(true);
  expect(structuredClone(run.state.gate)).toMatchObject({ pressing: true, pressedAt: NOW });
  answer();
  await told();
  expect(run.state.gate?.pressing).toBeUndefined();
});

test('an export that has not heard its share says so', async () => {
  const { keeper } = begin({ turn: 1, slot: 'held' });
  await told();
  keeper.downloads(true);
  await told();
  keeper.take(grant({ downloads: 2 }));
  keeper.ask();
  await told();
  // Downloads end and begin again in one message.
  keeper.downloads(false);
  keeper.downloads(true);
  await told();
  expect(asked.map(({ knowsNoShare }) => knowsNoShare)).toEqual([undefined, true, undefined, true]);
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

test('a grant for what an earlier attempt of the export wanted is not taken', async () => {
  const { keeper, run } = begin({ slot: 'none', turn: 0 });
  keeper.ask();
  keeper.take(grant({ slot: true, turn: NOW - 1 }));
  expect(run.state.gate?.slot).toBe('wanted');
  await told();
  keeper.take(grant({ slot: true, turn: asked[0]?.turn, number: 2 }));
  expect(run.state.gate?.slot).toBe('held');
});

test('whoever gives a slot back for a time has the old place, and takes no grant meanwhile', async () => {
  const { keeper, run } = begin({ slot: 'held', turn: 1, since: NOW - 5000 });
  keeper.standBack();
  await told();
  keeper.take(grant({ slot: true, turn: NOW }));
  expect(run.state.gate?.slot).toBe('none');
  vi.setSystemTime(NOW + 1000);
  keeper.ask();
  await told();
  expect(asked.map(({ slot, since }) => [slot, since])).toEqual([
    ['none', NOW - 5000],
    ['wanted', NOW - 5000],
  ]);
});

test('what an answer about no file says presses on the server as well, where downloads are shared', async () => {
  const { keeper } = begin({ turn: 1, slot: 'held' });
  await told();
  keeper.heard({});
  keeper.heard({ busy: true });
  await told();
  expect(asked.map(({ pressure }) => pressure)).toEqual([undefined, true]);
});

describe('with a gate as it is', () => {
  let state: GateState;
  /** The gate hears what was said, and answers. */
  const answers = (): Outgoing[] =>
    say(
      state,
      asked.splice(0).map((one) => ({ ...one, pool: '', limits: { exports: 1 } })),
      Date.now(),
    );
  const hear = (keeper: SlotKeeper, messages: Outgoing[]): void => {
    for (const { firstRunId, grant } of messages) if (firstRunId === 'first run') keeper.take(grant);
  };
  beforeEach(() => {
    state = emptyGate();
  });

  test('a grant that is lost comes with the answer to the next question', async () => {
    const { keeper, run } = begin({ slot: 'wanted', turn: 1 });
    await told();
    expect(answers().map(({ grant }) => grant.slot)).toEqual([true]);
    vi.setSystemTime(NOW + LIMITS.gateAsk);
    await told();
    expect(run.state.gate?.slot).toBe('wanted');
    hear(keeper, answers());
    expect(run.state.gate?.slot).toBe('held');
  });

  test('a gate that was reset, and knows nothing of its grant, gives the slot to nobody else', async () => {
    const before = structuredClone(state);
    const { keeper, run } = begin({ slot: 'wanted', turn: 1 });
    await told();
    hear(keeper, answers());
    expect(run.state.gate?.slot).toBe('held');
    state = before;
    await told();
    answers();
    expect(say(state, [ask('other')], NOW)[0]?.grant.slot).toBe(false);
    expect(holders(state)).toEqual(['export']);
  });

  test('an export that was reset to the time when it waited has the slot that it was granted', async () => {
    const { keeper } = begin({ slot: 'wanted', turn: 1 });
    await told();
    answers();
    await keeper.release();
    asked.length = 0;
    vi.setSystemTime(NOW + 60_000);
    const again = begin({ slot: 'wanted', turn: 1 });
    await told();
    hear(again.keeper, answers());
    expect(again.run.state.gate?.slot).toBe('held');
    expect(holders(state)).toEqual(['export']);
  });
});
