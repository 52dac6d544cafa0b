import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import { addTrouble, isFinal } from '../../src/policy/trouble.ts';
import type { Trouble, TroubleCause } from '../../src/policy/trouble.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('addTrouble', () => {
  test('counts a cause from the first time it came', () => {
    const first = addTrouble(undefined, 'outage', 1000);
    const second = addTrouble(first, 'outage', 5000);
    expect(first).toEqual({ cause: 'outage', since: 1000, times: 1 });
    expect(second).toEqual({ cause: 'outage', since: 1000, times: 2 });
  });

  test('begins anew with another cause', () => {
    const earlier = { cause: 'outage', since: 1000, times: 9 } as const;
    expect(addTrouble(earlier, 'gone', 5000)).toEqual({ cause: 'gone', since: 5000, times: 1 });
  });

  test.each(['content', 'link', 'token'] as const)(
    'tries of %s are not forgotten for an outage in between',
    (cause) => {
      let trouble = addTrouble(undefined, cause, 1000);
      for (const now of [2000, 4000]) {
        trouble = addTrouble(trouble, 'outage', now);
        expect(trouble).toMatchObject({ cause: 'outage', since: now, times: 1 });
        trouble = addTrouble(trouble, cause, now + 1000);
      }
      expect(trouble).toEqual({ cause, since: 5000, times: 3 });
    },
  );

  describe('of a transfer that breaks off', () => {
    const least = 1000;
    const broken = (earlier: Trouble | undefined, now: number, reached: number): Trouble =>
      addTrouble(earlier, 'outage', now, { reached, least });

    test('progress begins a new count', () => {
      const first = broken(undefined, 0, 1000);
      expect(first).toEqual({ cause: 'outage', since: 0, times: 1, reached: 1000 });
      const second = broken(first, 5, 1999);
      expect(second).toEqual({ cause: 'outage', since: 0, times: 2, reached: 1000 });
      expect(broken(second, 9, 2000)).toEqual({ cause: 'outage', since: 9, times: 1, reached: 2000 });
    });

    test('progress shows that link and token are good, and nothing of the content', () => {
      let trouble: Trouble | undefined;
      for (const cause of ['content', 'link', 'token'] as const) trouble = addTrouble(trouble, cause, 0);
      expect(broken(trouble, 1, 1000)).toMatchObject({ spent: { content: 1 } });
      expect(broken(trouble, 1, 1000).spent).toEqual({ content: 1 });
    });

    test('a byte at a time is none, and neither is what had come before', () => {
      let trouble = broken(undefined, 0, 5000);
      for (let time = 1; time < 2000; time++) trouble = broken(trouble, time, time % 2 === 0 ? 5000 : 2000);
      for (let bytes = 0; bytes < 999; bytes++) trouble = broken(trouble, 3000, 5000 + bytes);
      expect(trouble).toEqual({ cause: 'outage', since: 0, times: 2999, reached: 5000 });
    });
  });
});

describe('isFinal', () => {
  const start = 1_000_000;
  test.each<[TroubleCause, number]>([
    ['outage', 24 * HOUR],
    ['gone', MINUTE],
    ['unusable', MINUTE],
    ['tokenEndpoint', HOUR],
  ])('%s is final after %d ms, not before', (cause, limit) => {
    const trouble = { cause, since: start, times: 2 };
    expect(isFinal(trouble, start + limit - 1, LIMITS)).toBe(false);
    expect(isFinal(trouble, start + limit, LIMITS)).toBe(true);
  });

  test.each<[TroubleCause]>([['unusable'], ['content'], ['link'], ['token']])('%s is final the third time', (cause) => {
    expect(isFinal({ cause, since: start, times: 2 }, start, LIMITS)).toBe(false);
    expect(isFinal({ cause, since: start, times: 3 }, start, LIMITS)).toBe(true);
  });

  test.each<[TroubleCause]>([['content'], ['link'], ['token']])('%s is not final however long it takes', (cause) => {
    expect(isFinal({ cause, since: start, times: 2 }, start + 24 * HOUR, LIMITS)).toBe(false);
  });

  test.each<[TroubleCause]>([['outage'], ['gone'], ['tokenEndpoint']])(
    '%s is not final however often it comes',
    (cause) => {
      expect(isFinal({ cause, since: start, times: 100_000 }, start + 1, LIMITS)).toBe(false);
    },
  );
});
