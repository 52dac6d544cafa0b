import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import type { Trouble } from '../../src/policy/trouble.ts';
import { nextTry, secondsUntil } from '../../src/workflows/retry.ts';

vi.mock('@temporalio/workflow', () => ({ patched: () => true }));

const NOW = 1_800_000_000_000;
beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

describe('a step that could not be done yet', () => {
  test('is tried again when the server says', () => {
    const trouble = { cause: 'outage', since: NOW, times: 1 };
    expect(nextTry(undefined, { cause: 'outage', retryAfter: 7000 }, LIMITS)).toEqual({
      kind: 'again',
      trouble,
      at: NOW + 7000,
    });
  });

  test('else after a backoff that grows', () => {
    const waits: number[] = [];
    let trouble: Trouble | undefined;
    for (let tries = 0; tries < 5; tries++) {
      const next = nextTry(trouble, { cause: 'outage' }, LIMITS);
      trouble = next.trouble;
      if (next.kind === 'again') waits.push(next.at - NOW);
    }
    expect(waits[0]).toBeGreaterThanOrEqual(LIMITS.backoffFloor);
    expect(waits[4]).toBeGreaterThan(waits[0] as number);
  });

  test.each([
    ['outage', LIMITS.outage],
    ['tokenEndpoint', LIMITS.tokenEndpoint],
    ['gone', LIMITS.gone],
    ['delete', LIMITS.delete],
  ] as const)('%s is final when it has lasted its time, and not before', (cause, limit) => {
    const earlier = { cause, since: NOW, times: 3 };
    vi.setSystemTime(NOW + limit - 1);
    expect(nextTry(earlier, { cause }, LIMITS).kind).toBe('again');
    vi.setSystemTime(NOW + limit);
    expect(nextTry(earlier, { cause }, LIMITS)).toEqual({ kind: 'final', trouble: { cause, since: NOW, times: 4 } });
  });

  test('an answer without a manifest is final when it has been given for a minute, however often until then', () => {
    const earlier = { cause: 'unusable' as const, since: NOW, times: 7 };
    vi.setSystemTime(NOW + LIMITS.unusable - 1);
    expect(nextTry(earlier, { cause: 'unusable' }, LIMITS).kind).toBe('again');
    vi.setSystemTime(NOW + LIMITS.unusable);
    expect(nextTry(earlier, { cause: 'unusable' }, LIMITS).kind).toBe('final');
  });

  test('another cause has its own time', () => {
    vi.setSystemTime(NOW + LIMITS.outage);
    const earlier = { cause: 'outage' as const, since: NOW, times: 9 };
    expect(nextTry(earlier, { cause: 'gone' }, LIMITS).trouble).toMatchObject({ since: NOW + LIMITS.outage, times: 1 });
  });
});

test('a time that is past is in no seconds', () => {
  expect([secondsUntil(NOW - 5000), secondsUntil(NOW + 1001)]).toEqual([0, 2]);
});
