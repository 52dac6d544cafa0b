import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, test } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { createActivities, createFileActivities } from '../../src/activities/index.ts';

/** Whatever is asked of it is never answered: every activity hangs at its first step. */
const SILENCE: ActivityDeps = silence() as ActivityDeps;

function silence(): unknown {
  const get = (_: unknown, key: string | symbol): unknown => {
    if (key === 'then') return () => {};
    return typeof key === 'symbol' ? () => '' : silence();
  };
  return new Proxy(() => {}, { get, apply: () => silence() });
}

type AnyActivity = (input: never) => Promise<unknown>;

describe('invariant 10: every activity heartbeats', () => {
  const activities: [string, AnyActivity][] = [
    ...Object.entries(createActivities(SILENCE)),
    ...Object.entries(createFileActivities(SILENCE)),
  ];

  test('there are those that the workflows use', () => {
    expect(activities.length).toBeGreaterThanOrEqual(11);
  });

  test.concurrent.each(activities)('%s, from its beginning and while it waits', async (_, activity) => {
    const environment = new MockActivityEnvironment();
    const beats: number[] = [];
    environment.on('heartbeat', () => beats.push(Date.now()));
    void environment.run(activity, silence() as never).catch(() => {});
    await expect.poll(() => beats.length, { timeout: 10_000, interval: 50 }).toBeGreaterThanOrEqual(3);
    const pauses = beats.slice(1).map((at, place) => at - (beats[place] as number));
    // Of 10 s for which a worker may be silent.
    expect(Math.max(...pauses)).toBeLessThan(5000);
  });
});
