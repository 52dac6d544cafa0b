import { expect, test } from 'vitest';
import { believed, firstPoll, shortestWait } from '../../src/profiles/poll-times.ts';
import { DEFAULTS } from '../../src/profiles/settings.ts';

const ORACLE = { ...DEFAULTS, firstPollSeconds: 600, shortestPollSeconds: 500, longestPollSeconds: 1800 };

test.each([
  [undefined, DEFAULTS, undefined],
  [2000, DEFAULTS, 2000],
  [undefined, ORACLE, 600_000],
  [2000, ORACLE, 500_000],
  [18_000_000, ORACLE, 1_800_000],
  [undefined, { ...ORACLE, firstPollSeconds: undefined }, 500_000],
])('first poll, if the answer names %s ms', (named, settings, wait) => {
  expect(firstPoll(named, settings)).toBe(wait);
});

test('later polls', () => {
  expect([believed(18_000_000, ORACLE), believed(1000, ORACLE), believed(undefined, ORACLE)]).toEqual([
    1_800_000,
    1000,
    undefined,
  ]);
  expect([shortestWait(ORACLE), shortestWait(DEFAULTS)]).toEqual([500_000, 0]);
});
