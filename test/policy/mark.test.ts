import { describe, expect, test } from 'vitest';
import { lastMarkOf, nextMark, startOf } from '../../src/policy/mark.ts';

const SINCE = '2026-01-01T00:00:00Z';
const TIME = '2026-01-02T00:00:00.123456+01:00';
const NOW = Date.parse('2026-01-02T00:00:00Z');

describe('where an export begins', () => {
  const beginning = '2020-01-01T00:00:00Z';
  const last = (mark: string | null) => ({ requestHash: 'same', mark });

  test.each([
    ['no last report: all data', undefined, undefined, {}],
    ['no last report: where the request says', undefined, beginning, { since: beginning }],
    ['a mark', last(SINCE), undefined, { since: SINCE }],
    ['a mark: the beginning does not count any more', last(SINCE), beginning, { since: SINCE }],
    ['no mark yet, and all data was to come: it still is', last(null), beginning, {}],
    ['another request: all data', { requestHash: 'other', mark: SINCE }, beginning, { isReset: true }],
  ] as const)('%s', (_what, lastMark, from, start) => {
    expect(startOf(lastMark, 'same', { beginning: from, everything: undefined })).toEqual(start);
  });

  test('servers that need a time are given the one that brings all data', () => {
    const given = { beginning, everything: beginning };
    expect(startOf({ requestHash: 'other', mark: SINCE }, 'same', given)).toEqual({ since: beginning, isReset: true });
    expect(startOf(last(null), 'same', given)).toEqual({ since: beginning });
    expect(startOf(last(SINCE), 'same', given)).toEqual({ since: SINCE });
  });

  test.each([
    undefined,
    null,
    'text',
    5,
    [],
    {},
    { requestHash: 5, mark: SINCE },
    { requestHash: 'x' },
    { requestHash: 'x', mark: 'yesterday' },
    { requestHash: 'x', mark: '' },
  ])('a last result that is no report of an incremental export: %j', (result) => {
    expect(lastMarkOf(result)).toBeUndefined();
  });

  test('a report', () => {
    expect(lastMarkOf({ status: 'complete', requestHash: 'x', mark: null })).toEqual({ requestHash: 'x', mark: null });
    expect(lastMarkOf({ requestHash: 'x', mark: TIME, warnings: [] })).toEqual({ requestHash: 'x', mark: TIME });
  });
});

describe('where the next export goes on', () => {
  const next = (outcome: object) =>
    nextMark({ since: SINCE, transactionTime: TIME, completeAt: NOW, missing: [], ...outcome });

  test('at the time of the server, letter for letter', () => {
    expect(next({})).toEqual({ mark: TIME });
    expect(next({ since: undefined })).toEqual({ mark: TIME });
    expect(next({ transactionTime: SINCE })).toEqual({ mark: SINCE });
  });

  test.each(['', 'now', '2026-01-02', '2026-01-02T00:00:00', '2026-02-30T00:00:00Z', '2026-01-01T23:59:60Z'])(
    'where this one began, if the server has no time that can be used: "%s"',
    (transactionTime) => {
      expect(next({ transactionTime })).toEqual({ mark: SINCE, held: expect.any(String) });
      expect(next({ transactionTime, since: undefined })).toEqual({ mark: null, held: expect.any(String) });
    },
  );

  test('with all data, if the time of the server went back, whatever else is the case', () => {
    const reset = expect.stringContaining('2025-12-31T23:59:59Z is before _since') as string;
    const missing = ['issues'];
    for (const more of [{}, { missing }]) {
      expect(next({ transactionTime: '2025-12-31T23:59:59Z', ...more })).toEqual({ mark: null, reset });
    }
    // By the zone it is before.
    expect(next({ transactionTime: '2026-01-01T00:30:00+01:00' })).toMatchObject({ mark: null });
  });

  test('where this one began, if the time of the server is in the future; clocks may differ by minutes', () => {
    expect(next({ transactionTime: '2026-01-02T00:04:59Z' })).toEqual({ mark: '2026-01-02T00:04:59Z' });
    expect(next({ transactionTime: '2026-01-02T00:05:01Z' })).toMatchObject({
      mark: SINCE,
      held: expect.stringContaining('in the future'),
    });
    expect(next({ transactionTime: '2026-01-02T00:05:01Z', completeAt: undefined }).held).toBeUndefined();
  });

  test('where the job began, if the time of the server may be its end', () => {
    const begun = '2026-01-01T22:00:00.000Z';
    expect(next({ notAfter: begun })).toEqual({ mark: begun });
    expect(next({ notAfter: '2026-01-02T00:00:00.000Z' })).toEqual({ mark: TIME });
    const held = expect.stringContaining('not known') as string;
    expect(next({ notAfter: null })).toEqual({ mark: SINCE, held });
    expect(next({ notAfter: '2025-12-31T23:00:00.000Z' })).toEqual({ mark: SINCE, held });
    expect(next({ notAfter: begun, missing: ['a'] })).toEqual({ mark: SINCE, held: 'a' });
  });

  test('where this one began, if data may be missing', () => {
    expect(next({ missing: ['a', 'b'] })).toEqual({ mark: SINCE, held: 'a, b' });
    expect(next({ missing: ['a'], since: undefined })).toEqual({ mark: null, held: 'a' });
  });
});
