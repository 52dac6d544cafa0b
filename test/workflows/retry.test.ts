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

describe('causes that take turns', () => {
  test.each([
    ['the one', ['gone', 'outage'], 'gone', LIMITS.gone],
    ['the most frequent of three', ['gone', 'outage', 'gone', 'unusable'], 'gone', LIMITS.gone],
    ['an outage, where the other is rare', [...Array<'outage'>(5).fill('outage'), 'gone'], 'outage', LIMITS.outage],
  ] as const)('are asked about ever less often, and end by %s', (_, causes, cause, limit) => {
    let trouble: Trouble | undefined;
    const spent: Partial<Record<string, number>> = {};
    for (let tries = 0; tries < 500; tries++) {
      const now = causes[tries % causes.length] as (typeof causes)[number];
      const next = nextTry(trouble, { cause: now }, LIMITS);
      trouble = next.trouble;
      if (next.kind === 'final') {
        // Only the time counts that followed on this answer.
        expect([next.trouble.cause, (spent[cause] ?? 0) >= limit]).toEqual([cause, true]);
        return;
      }
      spent[now] = (spent[now] ?? 0) + next.at - Date.now();
      vi.setSystemTime(next.at);
    }
    expect.fail('500 tries, and no end');
  });

  test('an outage does not bring nearer the end of a job that one answer has called gone', () => {
    let trouble = nextTry(undefined, { cause: 'gone' }, LIMITS).trouble;
    vi.setSystemTime(NOW + 2000);
    for (let minute = 0; minute < 5; minute++) {
      trouble = nextTry(trouble, { cause: 'outage' }, LIMITS).trouble;
      vi.setSystemTime(Date.now() + 60_000);
    }
    const next = nextTry(trouble, { cause: 'gone' }, LIMITS);
    expect(next).toMatchObject({ kind: 'again', trouble: { times: 2, since: Date.now() - 2000 } });
  });

  test('a job that an answer calls gone once an hour, while the server is away, is not', () => {
    let trouble: Trouble | undefined;
    for (let turn = 0; turn < 20; turn++) {
      for (const [cause, wait] of [
        ['gone', 50_000],
        ['outage', 3_500_000],
      ] as const) {
        const next = nextTry(trouble, { cause }, LIMITS);
        expect(next.kind).toBe('again');
        trouble = next.trouble;
        vi.setSystemTime(Date.now() + wait);
      }
    }
  });
});
