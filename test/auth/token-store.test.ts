import { describe, expect, test, vi } from 'vitest';
import { TokenStore } from '../../src/auth/token-store.ts';

const MINUTE = 60_000;

function storeOf(expiresIn = MINUTE) {
  let minted = 0;
  const mint = vi.fn(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return { value: `token-${++minted}`, expiresIn, scope: undefined };
  });
  return { store: new TokenStore(mint), mint };
}

const value = (token: unknown) => (token as { value: string }).value;
const epoch = (token: unknown) => (token as { epoch: number }).epoch;

describe('the tokens of a worker', () => {
  test('are minted once, however many ask at the same time', async () => {
    const { store, mint } = storeOf();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => store.get('a', 1)));
    expect(new Set(tokens.map(value))).toEqual(new Set(['token-1']));
    expect(mint).toHaveBeenCalledTimes(1);
  });

  test('are one for each scope', async () => {
    const { store, mint } = storeOf();
    await store.get('a', 1);
    await store.get('b', 1);
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('serve an older epoch too, and are minted anew for a newer one', async () => {
    const { store, mint } = storeOf();
    const first = await store.get('a', 1);
    expect(value(await store.get('a', epoch(first) - 1000))).toBe('token-1');
    expect(value(await store.get('a', epoch(first) + 1))).toBe('token-2');
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('bear the epoch that was asked for when our clock is behind, so that they are not minted again and again', async () => {
    const { store, mint } = storeOf();
    const ahead = Date.now() + 10 * MINUTE;
    await store.get('a', ahead);
    await store.get('a', ahead);
    expect(mint).toHaveBeenCalledTimes(1);
  });

  test('are stale when they have expired: a retry that comes minutes later with its old epoch mints nothing', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const { store, mint } = storeOf();
      const { epoch: old } = (await store.get('a', 1)) as { epoch: number };
      vi.setSystemTime(Date.now() + 5 * MINUTE);
      expect(await store.get('a', old)).toBe('stale');
      expect(mint).toHaveBeenCalledTimes(1);
      expect(value(await store.newer('a', old))).toBe('token-2');
      expect(value(await store.get('a', old))).toBe('token-2');
    } finally {
      vi.useRealTimers();
    }
  });

  test('are shared: what another export had minted is new enough while it is young', async () => {
    const { store, mint } = storeOf();
    const refused = epoch(await store.get('a', 1));
    const [one, other] = await Promise.all([store.newer('a', refused), store.newer('a', refused)]);
    expect(value(one)).toBe(value(other));
    expect(value(await store.newer('a', refused))).toBe('token-2');
    expect(mint).toHaveBeenCalledTimes(2);
  });

  test('are asked for again after the token endpoint failed', async () => {
    const mint = vi.fn().mockResolvedValueOnce({ trouble: 'HTTP 503' }).mockRejectedValueOnce(new Error('reset'));
    mint.mockResolvedValue({ value: 'token', expiresIn: MINUTE, scope: undefined });
    const store = new TokenStore(mint);
    expect(await store.get('a', 1)).toEqual({ trouble: 'HTTP 503' });
    await expect(store.get('a', 1)).rejects.toThrow('reset');
    expect(value(await store.get('a', 1))).toBe('token');
  });
});
