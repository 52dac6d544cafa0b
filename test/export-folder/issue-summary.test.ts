import { expect, test } from 'vitest';
import { IssueSummary } from '../../src/export-folder/issue-summary.ts';

function summaryOf(...issues: [severity: string, code: string][]): IssueSummary {
  const summary = new IssueSummary();
  for (const [severity, code] of issues)
    summary.add({ severity, code, text: '' }, 'error/OperationOutcome.00001.ndjson');
  return summary;
}

test.each([
  ['information', false],
  ['success', false],
  ['Information', false],
  ['warning', true],
  ['Error', true],
  ['FATAL', true],
  ['critical', true],
])('severity %s: a problem is %s', (severity, isProblem) => {
  expect(summaryOf([severity, 'processing']).hasProblems).toBe(isProblem);
});

test('servers that invent a code for each issue: all are counted, in bounded memory, with their severity', () => {
  const summary = summaryOf(
    ...Array.from({ length: 1000 }, (_, code): [string, string] => ['information', `E${code}`]),
    ['Error', 'late'],
    ['invented', 'late'],
    ['information', 'E5'],
  );
  const counts = summary.counts();
  expect(counts).toContainEqual({ severity: 'information', code: 'other', count: 800 });
  expect(counts).toContainEqual({ severity: 'information', code: 'E5', count: 2 });
  expect(counts).toContainEqual({ severity: 'error', code: 'other', count: 1 });
  expect(counts).toContainEqual({ severity: 'other', code: 'other', count: 1 });
  expect(counts).toHaveLength(203);
  expect(summary.hasProblems).toBe(true);
});

test('what is no code stays at the destination: it could be anything', () => {
  const summary = summaryOf(['error\n', 'PID 123 \u001b[2J'], ['x'.repeat(50), 'not-found']);
  expect(summary.counts()).toEqual([
    { severity: 'other', code: 'other', count: 1 },
    { severity: 'other', code: 'not-found', count: 1 },
  ]);
  expect(JSON.stringify(summary.document())).toContain('PID 123');
});
