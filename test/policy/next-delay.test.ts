import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../src/policy/limits.ts';
import { nextDelay } from '../../src/policy/next-delay.ts';
import { seededRandom } from '../support/random.ts';

const HOUR = 3_600_000;

describe('nextDelay', () => {
  const { backoffFloor, backoffCeiling } = LIMITS;

  test('is what the server asked for, even when that is short or long', () => {
    for (const asked of [1000, 5 * HOUR]) expect(nextDelay(asked, 7, LIMITS, () => 0.5)).toBe(asked);
  });

  test('is longer than asked when the same short time is asked for again and again', () => {
    const delays = Array.from({ length: 30 }, (_, times) => nextDelay(1000, times, LIMITS, () => 0));
    expect(delays.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 1000));
    expect(delays.at(-1)).toBe(backoffCeiling / 2);
    expect(nextDelay(5 * HOUR, 29, LIMITS, () => 0)).toBe(5 * HOUR);
  });

  test('stays within floor and ceiling', () => {
    const random = seededRandom(1);
    for (let times = 0; times < 2000; times++) {
      const delay = nextDelay(undefined, times, LIMITS, random);
      expect(delay).toBeGreaterThanOrEqual(backoffFloor);
      expect(delay).toBeLessThanOrEqual(backoffCeiling);
    }
  });

  test.each([0, 0.5, 0.999])('grows from the floor to the ceiling (random %d)', (random) => {
    const delays = Array.from({ length: 12 }, (_, times) => nextDelay(undefined, times, LIMITS, () => random));
    expect(delays[0]).toBe(backoffFloor);
    expect(delays).toEqual(delays.toSorted((a, b) => a - b));
    expect(delays[4]).toBeGreaterThan(delays[2]!);
    expect(delays.at(-1)).toBe(Math.round((backoffCeiling / 2) * (1 + random)));
  });

  test('is the same for the same random numbers', () => {
    const delays = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 20 }, (_, times) => nextDelay(undefined, times, LIMITS, random));
    };
    expect(delays(7)).toEqual(delays(7));
    expect(delays(7)).not.toEqual(delays(8));
  });
});
