import { expect, test } from 'vitest';
import type { CountsByType } from '../../src/policy/type-counts.ts';
import { countFile, sumOfData, typeKey } from '../../src/policy/type-counts.ts';

test.each([
  ['output', 'Patient', 'Patient'],
  ['output', 'Ours', 'Resource'],
  ['output', 'constructor', 'Resource'],
  ['output', undefined, 'Resource'],
  ['deleted', 'Bundle', 'deleted'],
  ['error', 'OperationOutcome', 'error'],
] as const)('%s files of type %s are counted as %s', (kind, type, key) => {
  expect(typeKey(type === undefined ? { kind } : { kind, type })).toBe(key);
});

test('block headers of organised output are no resources, and only data files are in the sum', () => {
  const counts: CountsByType = {};
  countFile(counts, { kind: 'output' }, { records: 10, headers: 4, bytes: 100 });
  countFile(counts, { kind: 'output' }, { records: 3, headers: 1, bytes: 30 });
  countFile(counts, { kind: 'output', type: 'Patient' }, { records: 2, headers: 0, bytes: 20 });
  countFile(counts, { kind: 'error', type: 'OperationOutcome' }, { records: 1, headers: 0, bytes: 7 });
  countFile(counts, { kind: 'deleted', type: 'Bundle' }, { records: 1, headers: 0, bytes: 8 });
  expect(counts).toEqual({
    Resource: { files: 2, resources: 8, bytes: 130 },
    Patient: { files: 1, resources: 2, bytes: 20 },
    error: { files: 1, resources: 1, bytes: 7 },
    deleted: { files: 1, resources: 1, bytes: 8 },
  });
  expect(sumOfData(counts)).toEqual({ files: 3, resources: 10, bytes: 150 });
});
