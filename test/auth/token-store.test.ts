import { afterEach, describe, expect, test, vi } from 'vitest';
import type { HeldToken } from '../../src/auth/token-store.ts';
import { TokenStore } from '../../src/auth/token-store.ts';

const MINUTE = 60_000;

afterEach(() => {
  vi.useRealTimers();
});

function storeOf(expiresIn = MINUTE) {
  let minted = 0;
  const mint = vi.fn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { kind: 'token' as const, value: `token-${++minted}`, expiresIn, scope: undefined };
  });
  return { store: new TokenStore(mint), mint };
}

/** Sets the clock without stopping it; gives a way to move it. */
function ownClock(): (by: number) => void {
  vi.useFakeTimers({ toFake: ['Date'] });
  return (by) => void vi.setSystemTime(Date.now() + by);
}

const value = (token: unknown) => (token as HeldToken).value;
const epoch = (token: unknown) => (token as HeldToken).epoch;

describe('the tokens of a worker', () => {
  test('are minted once, however many ask at the same time', async () => {
    const { store, mint } = storeOf();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => store.get('a', 1)));
    expect(new Set(tokens.map(value))).toEqual(new Set(['token-1']));
    expect(mint).toHaveBeenCalledTimes(1);
  });

  test('are minted once more when half of those who ask want a later epoch', async () => {
    const { store, mint } = storeOf();
    const later = Date.now() + MINUTE;
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => store.get('a', i % 2 === 0 ? 1 : later)));
    expect(tokens.map(value).filter((one) => one === 'token-2')).toHaveLength(10);
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('are one for each scope', async () => {
    const { store, mint } = storeOf();
    await store.get('a', 1);
    await store.get('b', 1);
    await store.get(undefined, 1);
    expect(mint.mock.calls).toEqual([['a'], ['b'], [undefined]]);
  });

  test('serve an older epoch too, and are minted anew for a newer one', async () => {
    const { store, mint } = storeOf();
    const first = await store.get('a', 1);
    expect(value(await store.get('a', epoch(first) - 1000))).toBe('token-1');
    expect(value(await store.get('a', epoch(first) + 1))).toBe('token-2');
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('are stale when they have expired: a retry that comes minutes later with its old epoch mints nothing', async () => {
    const move = ownClock();
    const { store, mint } = storeOf();
    const old = epoch(await store.newer('a', 0));
    move(5 * MINUTE);
    expect(await store.get('a', old)).toEqual({ kind: 'stale' });
    expect(await store.get('a', 1)).toEqual({ kind: 'stale' });
    expect(mint).toHaveBeenCalledTimes(1);
    expect(value(await store.newer('a', old))).toBe('token-2');
    expect(value(await store.get('a', old))).toBe('token-2');
  });

  test('are asked for again after the token endpoint failed', async () => {
    const mint = vi
      .fn()
      .mockResolvedValueOnce({ kind: 'trouble', detail: 'HTTP 503' })
      .mockRejectedValueOnce(new Error('reset'));
    mint.mockResolvedValue({ kind: 'token', value: 'token', expiresIn: MINUTE, scope: undefined });
    const store = new TokenStore(mint);
    const pass = ownClock();
    expect(await store.get('a', 1)).toEqual({ kind: 'trouble', detail: 'HTTP 503' });
    pass(500);
    await expect(store.get('a', 1)).rejects.toThrow('reset');
    expect(value(await store.get('a', 1))).toBe('token');
  });

  test.each([
    ['nothing', undefined, 499, 1],
    ['at once', 0, 499, 1],
    // A clock that is set back holds up nothing.
    ['two seconds, and the clock is set back', 2000, 0, -10_000],
    ['two seconds', 2000, 1999, 1],
    ['ten minutes', 600_000, 4999, 1],
  ])('are not asked for by one step after another when the endpoint says %s', async (_, retryAfter, wait, more) => {
    const mint = vi.fn(async () => ({ kind: 'trouble' as const, detail: 'HTTP 503', retryAfter }));
    const store = new TokenStore(mint);
    const pass = ownClock();
    await store.get('a', 1);
    pass(wait);
    // Also for another scope: it is the same endpoint.
    for (const scope of ['a', 'b']) {
      const told = retryAfter === undefined ? undefined : Math.max(0, retryAfter - wait);
      expect(await store.get(scope, 1)).toEqual({ kind: 'trouble', detail: 'HTTP 503', retryAfter: told });
    }
    expect(mint).toHaveBeenCalledTimes(1);
    pass(more);
    await store.newer('a', 1);
    expect(mint).toHaveBeenCalledTimes(2);
  });
});

describe('a newer token', () => {
  test('is one that another export had minted meanwhile, while that is young', async () => {
    const { store, mint } = storeOf();
    const refused = epoch(await store.get('a', 1));
    const [one, other] = await Promise.all([store.newer('a', refused), store.newer('a', refused)]);
    expect(value(one)).toBe(value(other));
    expect(value(await store.newer('a', refused))).toBe('token-2');
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('is minted when the one of another export is near its end', async () => {
    const move = ownClock();
    const { store, mint } = storeOf();
    await store.newer('a', 1);
    move(MINUTE - 11_000);
    // The margin of a token of a minute is 12 s.
    expect(value(await store.newer('a', 1))).toBe('token-2');
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('has a later epoch, though the clock stands still or was set back', async () => {
    const move = ownClock();
    const { store } = storeOf();
    const epochs: number[] = [];
    for (let i = 0; i < 4; i++) {
      epochs.push(epoch(await store.newer('a', epochs.at(-1) ?? 0)));
      move(-MINUTE);
    }
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
  });
});

describe('clocks of workers that differ', () => {
  test('a clock that is behind: the token bears the epoch that was asked for, and is not minted again and again', async () => {
    const { store, mint } = storeOf();
    const ahead = Date.now() + 10 * MINUTE;
    for (let i = 0; i < 5; i++) await store.get('a', ahead);
    expect(mint).toHaveBeenCalledTimes(1);
  });

  test('a clock that is ahead: an expired token does not pass for one of the epochs that the others reach later', async () => {
    const move = ownClock();
    const SKEW = 10 * MINUTE;
    const [ahead, right] = [storeOf(), storeOf()];
    const atAhead = async <T>(action: () => Promise<T>): Promise<T> => {
      move(SKEW);
      const result = await action();
      move(-SKEW);
      return result;
    };
    let current = 0;
    for (let renewals = 1; renewals <= 8; renewals++) {
      current = epoch(await right.store.newer('a', current));
      const token = await atAhead(() => ahead.store.get('a', current));
      expect(token, `after ${renewals} renewals`).not.toEqual({ kind: 'stale' });
      move(50_000);
    }
    expect(right.mint).toHaveBeenCalledTimes(8);
    expect(ahead.mint.mock.calls.length).toBeLessThanOrEqual(8);
  });
});
