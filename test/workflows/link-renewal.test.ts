import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import type { LinkState, ReadLinks } from '../../src/policy/link-life.ts';
import { NO_LINKS } from '../../src/policy/link-life.ts';
import { LinkRenewal } from '../../src/workflows/link-renewal.ts';
import { newDownloads } from '../../src/workflows/state.ts';

const { patched } = vi.hoisted(() => ({ patched: vi.fn(() => true) }));
vi.mock('@temporalio/workflow', () => ({ patched }));

const NOW = 1_800_000_000_000;
beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

function renewalOf({ links, read, refused = true }: { links?: LinkState; read?: ReadLinks; refused?: boolean } = {}) {
  const state = newDownloads(0, 16, NOW);
  const source = {
    state,
    links: () => links,
    read: () => read,
    expires: () => read?.expires,
    refused: async () => refused,
  };
  return { state, links, renewal: new LinkRenewal(source, LIMITS) };
}

test('links that were refused are renewed, once for all of one reading', async () => {
  const { renewal } = renewalOf({ links: { ...NO_LINKS } });
  expect(renewal.isDue(true)).toBe(false);
  renewal.want(0);
  expect([renewal.isWanted, renewal.isDue(true)]).toEqual([true, true]);
  expect(await renewal.renew()).toBe(true);
  renewal.want(0);
  expect([renewal.reading, renewal.isWanted]).toEqual([1, false]);
});

test('the next renewal waits, the longer the more of them bring no file, unless an operator ends the wait', async () => {
  const { renewal } = renewalOf({ links: { ...NO_LINKS } });
  const waits: number[] = [];
  for (let readings = 0; readings < 3; readings++) {
    await renewal.renew();
    renewal.want(renewal.reading);
    expect(renewal.isDue(true)).toBe(false);
    waits.push(renewal.notBefore - NOW);
  }
  expect(waits).toEqual([2, 4, 8].map((times) => times * LIMITS.readingFloor));
  renewal.wake();
  expect(renewal.isDue(true)).toBe(true);
});

test('a job that is gone ends it', async () => {
  const { renewal, state } = renewalOf({ links: { ...NO_LINKS }, refused: false });
  expect([await renewal.renew(), state.reading]).toEqual([false, 0]);
});

test('links that end soon are renewed while files need them; one reading for one end', async () => {
  const end = NOW + 10_000;
  const read = { readAt: NOW - 90_000, expires: new Date(end).toISOString() };
  const { renewal } = renewalOf({ links: { ...NO_LINKS }, read });
  expect(renewal.isDue(false)).toBe(false);
  expect(renewal.isDue(true)).toBe(true);
  await renewal.renew();
  vi.setSystemTime(NOW + 60_000);
  expect([renewal.isDue(true), renewal.haveExpired(end), renewal.haveExpired(end + 1)]).toEqual([false, false, true]);
});

test('a refusal of an old link means nothing; of one whose age has worked it does', () => {
  const { renewal } = renewalOf({ links: { ...NO_LINKS } });
  const age = LIMITS.freshLink + 1;
  expect([renewal.isOld(LIMITS.freshLink), renewal.isOld(age)]).toEqual([false, true]);
  renewal.learn(true, age, [], 0);
  expect(renewal.isOld(age)).toBe(false);
});

test('links that cannot be renewed are never old, and batches know nothing of them', () => {
  const { renewal } = renewalOf();
  renewal.learn(true, 5, [5], 0);
  expect([renewal.isOld(1e9), renewal.terms, renewal.haveExpired(NOW)]).toEqual([false, undefined, false]);
});
