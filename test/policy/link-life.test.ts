import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import type { LinkState } from '../../src/policy/link-life.ts';
import { NO_LINKS, areEnding, endOfLinks, goodFor, learn, nextReading, termsOf } from '../../src/policy/link-life.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const links = (more: Partial<LinkState> = {}): LinkState => ({ ...NO_LINKS, ...more });

describe('a refusal is about the file', () => {
  test('when its link was just read', () => expect(goodFor(links(), LIMITS)).toBe(LIMITS.freshLink));
  test('or when links of its age have worked', () => {
    const seen = links();
    learn(seen, 4 * MINUTE, [], 0);
    learn(seen, MINUTE, [], 0);
    expect(goodFor(seen, LIMITS)).toBe(4 * MINUTE);
  });
});

describe('how long links live is learned', () => {
  test('from two readings, the longer of two', () => {
    const seen = links();
    learn(seen, MINUTE, [6 * MINUTE, 5 * MINUTE], 1);
    learn(seen, MINUTE, [5.5 * MINUTE], 1);
    expect(seen.dead).toBeUndefined();
    learn(seen, MINUTE, [5.2 * MINUTE], 2);
    expect(seen.dead).toBe(5.2 * MINUTE);
    expect(endOfLinks(seen, { readAt: NOW })).toBe(NOW + 5.2 * MINUTE);
  });
  test('not when others live longer', () => {
    const seen = links({ suspected: { reading: 1, age: MINUTE } });
    learn(seen, 2 * MINUTE, [MINUTE], 2);
    expect(seen.dead).toBeUndefined();
  });
});

describe('the manifest is read again', () => {
  const read = { readAt: NOW, linksEnd: NOW + 5 * MINUTE, expires: new Date(NOW + 60 * MINUTE).toISOString() };
  test('a fifth of their life before the first link ends', () => {
    expect(areEnding(links(), read, NOW + 4 * MINUTE - 1)).toBe(false);
    expect(areEnding(links(), read, NOW + 4 * MINUTE)).toBe(true);
  });
  test('not for an end that a reading did not move', () => {
    expect(areEnding(links({ readFor: read.linksEnd }), read, NOW + 10 * MINUTE)).toBe(false);
  });
  test('not when nothing is known', () => {
    expect(areEnding(links(), { readAt: NOW }, NOW + 1e12)).toBe(false);
    expect(areEnding(links(), undefined, NOW)).toBe(false);
  });
  test('later and later while that brings nothing, and never much later', () => {
    const waits = [0, 1, 2, 50].map((fruitless) => nextReading(links({ fruitless }), LIMITS) / LIMITS.readingFloor);
    expect(waits).toEqual([1, 2, 4, 16]);
  });
});

test('links that say their end are not believed when that brings nothing', () => {
  expect(termsOf(links({ dead: MINUTE }), LIMITS)).toEqual({ goodFor: LIMITS.freshLink, life: MINUTE, believed: true });
  expect(termsOf(links({ dead: MINUTE, fruitless: 3 }), LIMITS)).toEqual({
    goodFor: LIMITS.freshLink,
    believed: false,
  });
});
