import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/fhir/retry-after.ts';

const NOW = Date.UTC(2026, 10, 5, 12, 0, 0);
const DATE = 'Thu, 05 Nov 2026 08:00:00 GMT';
const DAY = 86_400_000;

// A machine that is not at UTC: asctime has no zone and means UTC all the same.
const zone = process.env['TZ'];
beforeEach(() => {
  process.env['TZ'] = 'America/New_York';
});
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

describe('seconds', () => {
  test.each([
    ['120', 120_000],
    [' 7 ', 7000],
    ['1.5', 1500],
    ['18000', 5 * 3_600_000],
  ])('%s is %d ms, whatever the clocks say', (text, delay) => {
    expect(parseRetryAfter(text, DATE, NOW)).toBe(delay);
  });

  test('less than one is one, so that nothing is asked in a hot loop', () => {
    expect(parseRetryAfter('0.001', undefined, NOW)).toBe(1000);
  });

  test('days are waited for in full', () => {
    expect(parseRetryAfter('604800', undefined, NOW)).toBe(7 * DAY);
  });

  test('more than the longest deadline is the longest deadline', () => {
    expect(parseRetryAfter('99999999', undefined, NOW)).toBe(365 * DAY);
  });
});

describe('a moment', () => {
  test.each([
    ['IMF-fixdate', 'Thu, 05 Nov 2026 08:01:30 GMT'],
    ['RFC 850', 'Thursday, 05-Nov-26 08:01:30 GMT'],
    ['asctime', 'Thu Nov  5 08:01:30 2026'],
    ['ISO 8601', '2026-11-05T08:01:30Z'],
    ['ISO 8601 with an offset', '2026-11-05T09:01:30+01:00'],
    ['epoch seconds', String(Date.UTC(2026, 10, 5, 8, 1, 30) / 1000)],
    ['epoch milliseconds', String(Date.UTC(2026, 10, 5, 8, 1, 30))],
  ])('as %s counts from the Date of the response, not from our clock', (_form, text) => {
    expect(parseRetryAfter(text, DATE, NOW)).toBe(90_000);
    expect(parseRetryAfter(text, 'Thu Nov  5 08:01:00 2026', NOW)).toBe(30_000);
  });

  test.each([undefined, '', 'yesterday', '5'])('counts from our clock when Date is %o', (date) => {
    expect(parseRetryAfter('Thu, 05 Nov 2026 12:00:20 GMT', date, NOW)).toBe(20_000);
    expect(parseRetryAfter(String(NOW + 20_000), date, NOW)).toBe(20_000);
  });

  test.each([
    'Thu, 05 Nov 2026 08:00:00 GMT',
    'Thu, 05 Nov 2026 07:59:59 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    '1730000000',
    '1730000000000',
  ])('that is not in the future is none: %s', (text) => {
    expect(parseRetryAfter(text, DATE, NOW)).toBeUndefined();
  });

  test.each(['Fri, 31 Dec 9999 23:59:59 GMT', '99999999999', '1790000000000000', '99999999999999999999999'])(
    'that is far away is a year ahead: %s',
    (text) => {
      expect(parseRetryAfter(text, DATE, NOW)).toBe(365 * DAY);
    },
  );
});

test.each([
  undefined,
  '',
  ' ',
  '0',
  '0.0',
  '-5',
  '-1',
  '+120',
  '1e9',
  '0x10',
  '120s',
  '5 minutes',
  'abc',
  'soon 2050',
  '12/31/2050',
  'Dec 31 2050',
  'NaN',
  'Infinity',
  '120, 60',
])('%o is no usable time', (text) => {
  expect(parseRetryAfter(text, DATE, NOW)).toBeUndefined();
});
