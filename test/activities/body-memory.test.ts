import { ApplicationFailure } from '@temporalio/common';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ByteBudget, withBodyMemory } from '../../src/activities/body-memory.ts';
import type { GivenServer } from '../support/given-server.ts';
import { givenPage, startGivenServer } from '../support/given-server.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';

const MIB = 1024 * 1024;
const NEVER = new AbortController().signal;

describe('room for manifests', () => {
  /** Asks for room, and says when there is some. */
  function ask(budget: ByteBudget, bytes: number, signal: AbortSignal = NEVER) {
    const hold = budget.hold(signal);
    const asked = { hold, granted: false, failure: undefined as unknown };
    void (async () => hold.take(bytes))().then(
      () => (asked.granted = true),
      (error: unknown) => (asked.failure = error),
    );
    return asked;
  }
  const settled = () => delay(1);

  test('is never given out twice, and in the order in which it is asked for', async () => {
    const budget = new ByteBudget(10 * MIB);
    const [first, large, small] = [ask(budget, 6 * MIB), ask(budget, 8 * MIB), ask(budget, MIB)];
    await settled();
    // The small one would fit; the large one must not wait for ever.
    expect([first.granted, large.granted, small.granted]).toEqual([true, false, false]);
    first.hold.release();
    await settled();
    expect([large.granted, small.granted]).toEqual([true, true]);
    const last = ask(budget, 2 * MIB);
    await settled();
    expect(last.granted).toBe(false);
    small.hold.release();
    await settled();
    expect(last.granted).toBe(true);
  });

  test('is not asked for by what is small, and all of it is given to what is too large', async () => {
    const budget = new ByteBudget(MIB);
    const all = ask(budget, 100 * MIB);
    const little = ask(budget, MIB / 4);
    await settled();
    expect([all.granted, little.granted]).toEqual([true, true]);
  });

  test('that one activity held is free before it asks for other room, so that two cannot wait for each other', async () => {
    const budget = new ByteBudget(10 * MIB);
    const [one, other] = [budget.hold(NEVER), budget.hold(NEVER)];
    await one.take(5 * MIB);
    await other.take(5 * MIB);
    const all = one.take(10 * MIB);
    const some = other.take(MIB);
    await all;
    one.release();
    await some;
  });

  test('is not kept for one that gives up while it waits', async () => {
    const budget = new ByteBudget(MIB);
    const holder = ask(budget, MIB);
    const waiting = ask(budget, MIB);
    waiting.hold.release();
    const next = ask(budget, MIB);
    holder.hold.release();
    await settled();
    expect([waiting.granted, next.granted]).toEqual([false, true]);
  });

  test('is not kept for an activity that is cancelled while it waits', async () => {
    const budget = new ByteBudget(10 * MIB);
    const holder = ask(budget, 10 * MIB);
    const cancel = new AbortController();
    const waiting = ask(budget, 10 * MIB, cancel.signal);
    const next = ask(budget, 10 * MIB);
    await settled();
    cancel.abort(new Error('cancelled'));
    await settled();
    expect(waiting.failure).toEqual(new Error('cancelled'));
    holder.hold.release();
    await settled();
    expect(next.granted).toBe(true);
  });

  test('is waited for by some only: others come back later, and leave their slots', async () => {
    const budget = new ByteBudget(MIB);
    ask(budget, MIB);
    const waiting = Array.from({ length: 32 }, () => ask(budget, MIB));
    const refused = ask(budget, MIB);
    await settled();
    expect(waiting.every(({ failure }) => failure === undefined)).toBe(true);
    expect(refused.failure).toBeInstanceOf(ApplicationFailure);
    expect(refused.failure).toMatchObject({ type: 'WorkerBusy', nextRetryDelay: 30_000, nonRetryable: false });
  });
});

describe('while all of it is taken', () => {
  let stack: Stack;
  let large: GivenServer;
  let small: GivenServer;

  beforeAll(async () => {
    quiet();
    [large, small] = [await startGivenServer(), await startGivenServer()];
    large.pages = [givenPage({ extension: { padding: 'x'.repeat(MIB) } })];
    small.pages = [givenPage({})];
    stack = await startStack({ servers: {}, workers: false });
    stack.config.servers['large'] = serverEntry(large.origin);
    stack.config.servers['small'] = serverEntry(small.origin);
    // Makes heartbeats of downloads rare, and of nothing else.
    stack.config.heartbeatSeconds = 300;
    await stack.startWorkers();
  });
  afterAll(async () => {
    await stack.close();
    await large.close();
    await small.close();
  });

  test('a large manifest waits with heartbeats and is read then, and exports with small ones go on', async () => {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    const taken = withBodyMemory(NEVER, async (hold) => {
      await hold.take(1024 * MIB);
      await ended;
    });
    const { handle, result } = await stack.start({ server: 'large' });
    const poll = async () =>
      (await handle.describe()).raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'pollStatus');
    const beat = async () => Number((await poll())?.lastHeartbeatTime?.seconds ?? 0);
    await expect.poll(beat, { timeout: 20_000 }).toBeGreaterThan(0);
    const before = await beat();
    expect((await stack.run({ server: 'small' })).status).toBe('complete');
    await expect.poll(beat, { timeout: 10_000 }).toBeGreaterThan(before);
    const latest = await beat();
    await expect.poll(beat, { timeout: 5000 }).toBeGreaterThan(latest + 1);
    expect((await poll())?.attempt).toBe(1);
    end();
    await taken;
    expect((await result()).status).toBe('complete');
  });
});
