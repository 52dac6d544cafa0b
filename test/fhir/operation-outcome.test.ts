import { describe, expect, test } from 'vitest';
import { isTransient, issuesOf, readOutcome } from '../../src/fhir/operation-outcome.ts';

function outcome(...issue: unknown[]): string {
  return JSON.stringify({ resourceType: 'OperationOutcome', issue });
}

describe('readOutcome', () => {
  test.each<[string, unknown, string]>([
    ['details.text first', { details: { text: 'a', coding: [{ display: 'c' }] }, diagnostics: 'b' }, 'a'],
    ['then diagnostics', { details: { text: '', coding: [{ display: 'c' }] }, diagnostics: 'b' }, 'b'],
    ['then the display of a coding', { details: { coding: [null, { display: 'c' }] } }, 'c'],
    ['or nothing', { details: { coding: 'x' } }, ''],
    ['or nothing of the wrong type', { details: 'x', diagnostics: 5 }, ''],
  ])('takes the text of %s', (_what, issue, text) => {
    const full = { severity: 'fatal', code: 'processing', ...(issue as object) };
    expect(readOutcome(outcome(full))).toEqual([{ severity: 'fatal', code: 'processing', text }]);
  });

  test('reads every issue, and gives the incomplete ones a severity and a code', () => {
    expect(readOutcome(outcome({ severity: 'warning', code: 'value' }, {}, null, 'x', { code: '' }))).toEqual([
      { severity: 'warning', code: 'value', text: '' },
      { severity: 'error', code: 'unknown', text: '' },
      { severity: 'error', code: 'unknown', text: '' },
    ]);
  });

  test.each([
    '{"resourceType":"OperationOutcome"}',
    `\ufeff${outcome()}`,
    '{"issue":{},"resourceType":"OperationOutcome"}',
    outcome(),
  ])('knows one without issues: %s', (body) => {
    expect(readOutcome(body)).toEqual([]);
  });

  test.each([
    '',
    'OperationOutcome',
    '<OperationOutcome xmlns="http://hl7.org/fhir"/>',
    '{"resourceType":"Bundle","x":"OperationOutcome"}',
    '{"output":[],"error":[{"type":"OperationOutcome","url":"https://a.example/1"}]}',
    '["OperationOutcome"]',
    '"OperationOutcome"',
    `${outcome()} and more`,
  ])('finds none in %s', (body) => {
    expect(readOutcome(body)).toBeUndefined();
  });
});

test.each([[null], [undefined], [[]], ['x'], [{}]])('issuesOf(%j) is undefined', (value) => {
  expect(issuesOf(value)).toBeUndefined();
});

describe('isTransient', () => {
  const issues = (codes: string[]): { severity: string; code: string; text: string }[] =>
    codes.map((code) => ({ severity: 'error', code, text: '' }));

  test.each(['transient', 'lock-error', 'no-store', 'exception', 'timeout', 'incomplete', 'throttled'])(
    '%s says that only the request failed',
    (code) => {
      expect(isTransient(issues([code]))).toBe(true);
    },
  );

  test.each([
    [true, ['throttled', 'timeout', 'transient']],
    [true, []],
    [false, ['throttled', 'processing']],
    [false, ['processing', 'throttled']],
    [false, ['processing']],
    [false, ['Throttled']],
    [false, ['unknown']],
  ])('%s for %j', (transient, codes) => {
    expect(isTransient(issues(codes))).toBe(transient);
  });
});
