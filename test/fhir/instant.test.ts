import { describe, expect, test } from 'vitest';
import { faultOfInstant } from '../../src/fhir/instant.ts';

describe('a FHIR instant', () => {
  test.each([
    '2026-01-01T00:00:00Z',
    '2026-12-31T23:59:60Z',
    '2026-11-05T08:49:37.123456789+14:00',
    '2026-11-05T08:49:37.1-11:30',
    '2024-02-29T12:00:00Z',
    '2000-02-29T12:00:00Z',
    '0004-02-29T12:00:00Z',
    '9999-12-31T23:59:59Z',
  ])('may be %s', (text) => {
    expect(faultOfInstant(text)).toBeUndefined();
  });

  test.each(['', '2026', '2026-01-01', '2026-01-01T00:00Z', '2026-01-01T00:00:00', '2026-01-01T00:00:00.Z'])(
    'has date, seconds and zone, unlike "%s"',
    (text) => {
      expect(faultOfInstant(text)).toBe('must be a FHIR instant with seconds and zone, such as 2026-01-01T00:00:00Z');
    },
  );

  test.each([
    '2026-01-01 00:00:00Z',
    '2026-01-01T00:00:00z',
    '2026-01-01T00:00:00+0100',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    '2026-1-1T00:00:00Z',
    '+2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.1234567890Z',
  ])('is written as FHIR does, unlike "%s"', (text) => {
    expect(faultOfInstant(text)).toMatch(/^must be a FHIR instant/);
  });

  test.each([
    ['2026-02-30T00:00:00Z', 'has a day that does not exist: 2026-02-30'],
    ['2023-02-29T00:00:00Z', 'has a day that does not exist: 2023-02-29'],
    ['1900-02-29T00:00:00Z', 'has a day that does not exist: 1900-02-29'],
    ['2026-04-31T00:00:00Z', 'has a day that does not exist: 2026-04-31'],
    ['2026-01-00T00:00:00Z', 'has a day that does not exist: 2026-01-00'],
    ['2026-13-01T00:00:00Z', 'has no month 13'],
    ['2026-00-01T00:00:00Z', 'has no month 00'],
    ['0000-01-01T00:00:00Z', 'has no year 0000'],
    ['2026-01-01T24:00:00Z', 'has a time that does not exist'],
    ['2026-01-01T00:60:00Z', 'has a time that does not exist'],
    ['2026-01-01T00:00:61Z', 'has a time that does not exist'],
    ['2026-01-01T00:00:00+14:01', 'has a zone that does not exist'],
    ['2026-01-01T00:00:00+15:00', 'has a zone that does not exist'],
    ['2026-01-01T00:00:00-01:60', 'has a zone that does not exist'],
  ])('exists in the calendar, unlike %s', (text, fault) => {
    expect(faultOfInstant(text)).toBe(fault);
  });
});
