import { describe, expect, test } from 'vitest';
import { endOfChain } from '../../src/cli/export/since-last.ts';
import type { ExportReport } from '../../src/contract.ts';
import type { EarlierExport } from '../../src/export-folder/earlier-exports.ts';

/** @param since hour; undefined: all data. @param end hour of the transaction time */
function exported(since: number | undefined, end: number, status: ExportReport['status'] = 'complete'): EarlierExport {
  const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1, hour)).toISOString();
  return {
    path: `to-${end}`,
    since: since === undefined ? undefined : at(since),
    owner: { workflowId: 'a', firstRunId: 'a', runId: 'a' },
    report: { status, transactionTime: at(end) } as ExportReport,
    next: status === 'complete' ? at(end) : undefined,
  };
}

describe('the export that --since last follows', () => {
  test.each<[string, EarlierExport[], string | undefined]>([
    ['none, of none', [], undefined],
    ['the last of a chain', [exported(undefined, 1), exported(1, 2), exported(2, 3)], 'to-3'],
    ['one before a gap', [exported(undefined, 1), exported(1, 2), exported(4, 5)], 'to-2'],
    ['one that overlaps', [exported(undefined, 1), exported(0, 2)], 'to-2'],
    ['one before issues', [exported(undefined, 1), exported(1, 2, 'complete-with-issues')], 'to-1'],
    ['none after issues', [exported(undefined, 1), exported(1, 2, 'complete-with-issues'), exported(2, 3)], 'to-1'],
    ['a later one of all data', [exported(undefined, 1), exported(4, 5), exported(undefined, 6)], 'to-6'],
    ['the one that reaches back farthest', [exported(1, 2), exported(2, 3), exported(5, 6)], 'to-3'],
    ['none with issues alone', [exported(undefined, 1, 'complete-with-issues')], undefined],
  ])('%s', (_, earlier, path) => {
    expect(endOfChain(earlier)?.path).toBe(path);
  });
});
