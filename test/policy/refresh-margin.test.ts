import { expect, test } from 'vitest';
import { refreshMargin } from '../../src/policy/refresh-margin.ts';

test.each([
  [5 * 60_000, 60_000],
  [60_000, 12_000],
  [10_000, 2000],
  [1000, 2000],
  [0, 2000],
  [24 * 3_600_000, 60_000],
])('a token that lives %d ms is renewed %d ms before its end', (lifetime, margin) => {
  expect(refreshMargin(lifetime)).toBe(margin);
});
