import { expect, test } from 'vitest';
import { parseDuration } from '../../src/fhir/duration.ts';

test.each([
  ['P30D', 30 * 86_400_000],
  ['PT90M', 90 * 60_000],
  ['PT12H', 12 * 3_600_000],
  ['PT1S', 1000],
  ['P1DT2H3M4S', (((24 + 2) * 60 + 3) * 60 + 4) * 1000],
  ['P1DT4S', 86_404_000],
  ['P0D', 0],
])('%s is %d ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  '',
  'P',
  'PT',
  'P1DT',
  '30D',
  'p30d',
  'P1M',
  'P1W',
  'P1Y',
  'PT1.5H',
  'P-1D',
  'PT1M1H',
  'P1H',
  ' P1D',
  'P1D ',
  'P99999D',
])('"%s" is no duration of days, hours, minutes and seconds', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
