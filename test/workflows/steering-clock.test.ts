import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import { nextTry } from '../../src/workflows/retry.ts';
import { newState } from '../../src/workflows/state.ts';
import { Steering } from '../../src/workflows/steering.ts';

const HOUR = 3_600_000;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a pause does not count as time for which the server was away', () => {
  const state = newState(Date.now());
  const steering = new Steering(state);
  state.phase = 'waiting';
  const { trouble } = nextTry(undefined, { cause: 'outage' }, LIMITS, steering.clock);
  vi.advanceTimersByTime(10 * HOUR);
  steering.pause({ what: 'polls' });
  vi.advanceTimersByTime(100 * HOUR);
  expect(nextTry(trouble, { cause: 'outage' }, LIMITS, steering.clock).kind).toBe('again');
  steering.resume();
  vi.advanceTimersByTime(13 * HOUR);
  const next = nextTry(trouble, { cause: 'outage' }, LIMITS, steering.clock);
  expect(next).toMatchObject({ kind: 'again' });
  expect(next.kind === 'again' && next.at > Date.now()).toBe(true);
  vi.advanceTimersByTime(HOUR);
  expect(nextTry(trouble, { cause: 'outage' }, LIMITS, steering.clock).kind).toBe('final');
});

test('a pause of one thing does not stop the clock of the other', () => {
  const state = newState(Date.now());
  const steering = new Steering(state);
  state.phase = 'downloading';
  const begin = steering.clock;
  steering.pause({ what: 'polls' });
  vi.advanceTimersByTime(HOUR);
  expect(steering.clock - begin).toBe(HOUR);
  expect(steering.isHeld).toBe(false);
  steering.pause({ what: 'all' });
  vi.advanceTimersByTime(HOUR);
  expect(steering.clock - begin).toBe(HOUR);
  expect(steering.paused).toMatchObject({ what: 'all', since: new Date(begin).toISOString() });
  // A second one changes nothing.
  steering.pause({ what: 'downloads' });
  steering.resume();
  expect(steering.clock - begin).toBe(HOUR);
});
