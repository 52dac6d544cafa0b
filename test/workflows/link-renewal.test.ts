import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import type { LinkState, ReadLinks } from '../../src/policy/link-life.ts';
import { NO_LINKS } from '../../src/policy/link-life.ts';
import { failure } from '../../src/workflows/failure.ts';
import { LinkRenewal } from '../../src/workflows/link-renewal.ts';
import type { Refreshed } from '../../src/workflows/refresh-phase.ts';
import { newDownloads } from '../../src/workflows/state.ts';

const { patched } = vi.hoisted(() => ({ patched: vi.fn(() => true) }));
vi.mock('@temporalio/workflow', async (original) => ({ ...(await original<object>()), patched }));

const NOW = 1_800_000_000_000;
beforeEach(() => vi.useFakeTimers({ now: NOW }));
afterEach(() => vi.useRealTimers());

interface Given {
  links?: LinkState;
  read?: ReadLinks;
  refused?: () => Promise<Refreshed>;
}

function renewalOf({ links, read, refused = async () => 'read' }: Given = {}) {
  const state = newDownloads(0, 16, NOW);
  const source = {
    state,
    links: () => links,
    read: () => read,
    expires: () => read?.expires,
    refused,
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

test('a job that is gone ends it when links are refused', async () => {
  const { renewal, state } = renewalOf({ links: { ...NO_LINKS }, refused: async () => 'gone' });
  renewal.want(0);
  expect([await renewal.renew(), state.reading]).toEqual([false, 0]);
});

describe('a reading before links end that brings none', () => {
  const read = { readAt: NOW - 90_000, expires: new Date(NOW + 10_000).toISOString() };
  const answers = (code: 'InvalidManifest' | 'AuthorizationFailed') => async (): Promise<Refreshed> => {
    throw failure(code, 'x');
  };
  test.each([
    ['the job is gone', async (): Promise<Refreshed> => 'gone'],
    ['there is no manifest', answers('InvalidManifest')],
  ])('ends nothing as long as none is refused: %s', async (_, refused) => {
    const { renewal } = renewalOf({ links: { ...NO_LINKS }, read, refused });
    expect([renewal.isDue(true), await renewal.renew()]).toEqual([true, true]);
    expect([renewal.isDue(true), renewal.isShut, renewal.reading]).toEqual([false, false, 0]);
    renewal.want(0);
    expect(renewal.isShut).toBe(true);
    expect(await renewal.renew().catch(() => false)).toBe(false);
  });

  test('is tried no more, also where it could not be made before', async () => {
    let answer: () => Promise<Refreshed> = answers('InvalidManifest');
    const { renewal, state } = renewalOf({ links: { ...NO_LINKS }, read, refused: () => answer() });
    const broken = answer;
    answer = async () => {
      state.unread = { trouble: { cause: 'outage', since: NOW, times: 1 }, at: Date.now() - 1 };
      return 'unread';
    };
    expect([renewal.isDue(true), await renewal.renew(), renewal.isUnread]).toEqual([true, true, true]);
    answer = broken;
    expect(await renewal.renew()).toBe(true);
    expect([renewal.isUnread, renewal.isWanted, renewal.isDue(true)]).toEqual([false, false, false]);
  });

  test('is the end where the manifest is another one: what is left may be of another job', async () => {
    const { renewal } = renewalOf({ links: { ...NO_LINKS }, read, refused: async () => 'changed' });
    expect([renewal.isDue(true), await renewal.renew()]).toEqual([true, false]);
  });

  test('is the end where it shows something else', async () => {
    const { renewal } = renewalOf({ links: { ...NO_LINKS }, read, refused: answers('AuthorizationFailed') });
    expect(renewal.isDue(true)).toBe(true);
    await expect(renewal.renew()).rejects.toMatchObject({ type: 'AuthorizationFailed' });
  });
});

describe('while the manifest cannot be read', () => {
  function unreadable() {
    const given = renewalOf({ links: { ...NO_LINKS }, refused: async () => again() });
    let again = (): Refreshed => {
      given.state.unread = { trouble: { cause: 'outage', since: NOW, times: 1 }, at: Date.now() + 5000 };
      return 'unread';
    };
    const recover = (): void => {
      again = () => {
        delete given.state.unread;
        return 'read';
      };
    };
    return { ...given, recover };
  }

  test('the next run knows that a link had been refused', async () => {
    const { renewal, state, links } = unreadable();
    renewal.want(0);
    await renewal.renew();
    const source = { state, links: () => links, read: () => undefined, expires: () => undefined };
    const next = new LinkRenewal({ ...source, refused: async () => 'gone' }, LIMITS);
    expect(await next.renew()).toBe(false);
  });

  test('other files are fetched, until a refusal shows that their links do not work either', async () => {
    const { renewal } = unreadable();
    renewal.want(0);
    expect(renewal.isShut).toBe(true);
    expect(await renewal.renew()).toBe(true);
    expect([renewal.isWanted, renewal.isShut, renewal.isDue(true), renewal.notBefore]).toEqual([
      true,
      false,
      false,
      NOW + 5000,
    ]);
    renewal.want(0);
    expect(renewal.isShut).toBe(true);
    vi.setSystemTime(NOW + 5000);
    expect([renewal.isDue(true), await renewal.renew(), renewal.isShut]).toEqual([true, true, true]);
    renewal.learn(true, 5, [], 0);
    expect(renewal.isShut).toBe(false);
  });

  test('it is tried again, also by the next run or when an operator wants it, and then all go on', async () => {
    const { renewal, recover, state } = unreadable();
    renewal.want(0);
    await renewal.renew();
    renewal.wake();
    expect(renewal.isDue(true)).toBe(true);
    const source = { state, links: () => renewalOf().links, read: () => undefined, expires: () => undefined };
    expect(new LinkRenewal({ ...source, refused: async () => 'read' }, LIMITS).isWanted).toBe(true);
    recover();
    expect([await renewal.renew(), renewal.isWanted, renewal.reading]).toEqual([true, false, 1]);
  });
});

describe('the end of the files', () => {
  const end = NOW + 10_000;
  const read = { readAt: NOW - 90_000, expires: new Date(end).toISOString() };
  const waiting = (...times: number[]) => ({
    waitsUntil: (time: number) => times.some((one) => one >= time),
    wakeBehind: vi.fn(),
  });

  test('is Expires once another reading has not moved it; until then files that wait past it are a reason to read', async () => {
    const { renewal } = renewalOf({ links: { ...NO_LINKS }, read: { ...read, readAt: NOW - 10_000 } });
    const files = waiting(end);
    expect([renewal.filesEnd, renewal.endIsAskedAt(files), renewal.endIsAskedAt(waiting(end - 1))]).toEqual([
      undefined,
      end - 4000,
      undefined,
    ]);
    await renewal.renew(files);
    expect([renewal.filesEnd, renewal.endIsAskedAt(files)]).toEqual([end, undefined]);
    expect(files.wakeBehind.mock.calls).toEqual([[end]]);
  });

  test('is not an Expires that moves, and nobody asks again whether it does', async () => {
    const moving = { ...read, readAt: NOW - 10_000 };
    const { renewal } = renewalOf({ links: { ...NO_LINKS }, read: moving });
    const renewing = renewal.renew(waiting(end));
    moving.expires = new Date(end + 60_000).toISOString();
    await renewing;
    expect([renewal.filesEnd, renewal.endIsAskedAt(waiting(end + 60_000))]).toEqual([undefined, undefined]);
  });
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
