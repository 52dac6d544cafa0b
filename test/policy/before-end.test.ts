import { expect, test } from 'vitest';
import { beforeEnd } from '../../src/policy/before-end.ts';
import { LIMITS } from '../../src/policy/limits.ts';

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const wait = (asked: number | undefined, left: number | undefined): number | undefined =>
  beforeEnd(asked, { now: NOW, end: left === undefined ? undefined : NOW + left }, LIMITS);

test.each([
  ['nothing', undefined, HOUR, undefined],
  ['a time before the end', HOUR - 1, HOUR, HOUR - 1],
  ['a time behind the end', 24 * HOUR, 10 * HOUR, 8 * HOUR],
  ['the end itself', HOUR, HOUR, 0.8 * HOUR],
  ['a time, and nobody says an end', 24 * HOUR, undefined, 24 * HOUR],
  ['a time behind an end that is past', HOUR, -1, HOUR],
])('%s', (_, asked, left, expected) => {
  expect(wait(asked, left)).toBe(expected);
});

test('however long it is to wait, it is asked for a few times only', () => {
  let [left, times] = [24 * HOUR, 0];
  for (; wait(24 * HOUR, left) !== 24 * HOUR; times++) left -= wait(24 * HOUR, left) as number;
  expect(times).toBeLessThan(6);
  expect(left).toBeLessThan(2 * 60_000);
});
