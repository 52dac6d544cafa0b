import { describe, expect, test } from 'vitest';
import { expectedBytes, filesPerBatch, planBatches, plannable, toRanges } from '../../src/policy/batches.ts';
import type { CountsByType } from '../../src/policy/type-counts.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { seededRandom } from '../support/random.ts';

const MIB = 1024 * 1024;

function entry(ordinal: number, more: Partial<Entry> = {}): Entry {
  return {
    ordinal,
    page: 1,
    kind: 'output',
    index: ordinal,
    type: 'Patient',
    url: `https://a.example/${ordinal}`,
    name: `Patient.${ordinal}.ndjson`,
    needsToken: false,
    ...more,
  };
}

function entries(count: number, more: Partial<Entry> = {}): Entry[] {
  return Array.from({ length: count }, (_, ordinal) => entry(ordinal, more));
}

describe('the expected size', () => {
  const seen: CountsByType = {
    Patient: { files: 3, resources: 30, bytes: 3000 },
    Group: { files: 2, resources: 10, bytes: 500 },
    Device: { files: 5, resources: 0, bytes: 0 },
    Resource: { files: 4, resources: 4, bytes: 40 },
  };
  test.each<[string, Partial<Entry>, number | undefined]>([
    ['fileSize, when it is there', { fileSize: 7, count: 5 }, 7],
    ['fileSize of an empty file', { fileSize: 0 }, 0],
    ['count times the mean of its type', { count: 5 }, 500],
    ['count times the mean even of few files', { type: 'Group', count: 5 }, 250],
    ['the mean file of its type', {}, 1000],
    ['unknown, when too few files have been seen', { type: 'Group' }, undefined],
    ['count times what is usual, when none has been seen', { type: 'Condition', count: 5 }, 5 * 4096],
    ['unknown without a count, when none has been seen', { type: 'Condition' }, undefined],
    ['nothing, when its type is always empty', { type: 'Device', count: 5 }, 0],
    ['that of other unknown types', { type: 'X-1' }, 10],
  ])('is %s', (_what, more, bytes) => {
    expect(expectedBytes(entry(0, more), seen)).toBe(bytes);
  });
});

test.each([
  [1, 1],
  [32, 1],
  [33, 2],
  [200, 7],
  [1_000_000, 100],
])('of %i files at most %i make a batch', (total, files) => {
  expect(filesPerBatch(total)).toBe(files);
});

describe('plannable', () => {
  test('is everything that has a size', () => {
    expect(plannable(entries(400, { fileSize: 1 }), {})).toHaveLength(400);
    const seen = { Patient: { files: 3, resources: 3, bytes: 3 } };
    expect(plannable(entries(400), seen)).toHaveLength(400);
  });

  test('ends behind some files of unknown size', () => {
    const files = [...entries(5, { fileSize: 1 }), ...Array.from({ length: 20 }, (_, place) => entry(5 + place))];
    expect(plannable(files, {}).map(({ ordinal }) => ordinal)).toEqual(Array.from({ length: 13 }, (_, one) => one));
  });
});

describe('planBatches', () => {
  test('begins with files whose links end first; the others keep their order', () => {
    const ends: Record<number, number> = { 1: 3000, 3: 1000, 4: 1000 };
    const links = entries(6, { fileSize: 64 * MIB }).map((one) => {
      const end = ends[one.ordinal];
      return end === undefined ? one : { ...one, ends: end };
    });
    expect(planBatches(links, {}, 50)).toEqual([
      [3, 4],
      [4, 5],
      [1, 2],
      [0, 1],
      [2, 3],
      [5, 6],
    ]);
    // Of a batch the first of its links counts.
    const small = entries(4, { fileSize: 1 }).map((one) => (one.ordinal === 3 ? { ...one, ends: 1 } : one));
    expect(planBatches(small, {}, 2)).toEqual([
      [2, 4],
      [0, 2],
    ]);
  });

  test('gives a file of unknown size a batch of its own', () => {
    expect(planBatches(entries(3), {}, 50)).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  test('puts at most as many small files together as it is told', () => {
    expect(planBatches(entries(120, { fileSize: 10 }), {}, 50)).toEqual([
      [0, 50],
      [50, 100],
      [100, 120],
    ]);
  });

  test('puts at most 64 MiB together', () => {
    expect(planBatches(entries(5, { fileSize: 32 * MIB }), {}, 50)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ]);
    expect(planBatches(entries(2, { fileSize: 32 * MIB + 1 }), {}, 50)).toHaveLength(2);
  });

  test('gives a huge file a batch of its own, between small ones', () => {
    const files = [10, 10, 5000 * MIB, 10, 10].map((fileSize, ordinal) => entry(ordinal, { fileSize }));
    expect(planBatches(files, {}, 50)).toEqual([
      [0, 2],
      [2, 3],
      [3, 5],
    ]);
  });

  test('does not reach over files that are done', () => {
    const files = [0, 1, 4, 5].map((ordinal) => entry(ordinal, { fileSize: 1 }));
    expect(planBatches(files, {}, 50)).toEqual([
      [0, 2],
      [4, 6],
    ]);
  });

  test('learns from what has been seen', () => {
    const seen = { Patient: { files: 3, resources: 3, bytes: 3 * MIB } };
    expect(planBatches(entries(4, { count: 32 }), seen, 50)).toEqual([
      [0, 2],
      [2, 4],
    ]);
  });

  test('has every file in exactly one batch', () => {
    const random = seededRandom(3);
    for (let round = 0; round < 50; round++) {
      const files = entries(400)
        .filter(() => random() < 0.9)
        .map((file) => (random() < 0.2 ? file : { ...file, fileSize: Math.floor(random() ** 4 * 200 * MIB) }));
      const planned = planBatches(files, {}, 50).flatMap(([from, to]) =>
        Array.from({ length: to - from }, (_, offset) => from + offset),
      );
      expect(planned).toEqual(files.map(({ ordinal }) => ordinal));
    }
  });

  test('of nothing is nothing', () => {
    expect(planBatches([], {}, 50)).toEqual([]);
  });
});

test.each([
  [[], []],
  [[5], [[5, 6]]],
  [[1, 2, 3], [[1, 4]]],
  [
    [3, 1, 2, 10, 9, 7],
    [
      [1, 4],
      [7, 8],
      [9, 11],
    ],
  ],
])('toRanges(%j) is %j', (ordinals, ranges) => {
  expect(toRanges(ordinals)).toEqual(ranges);
});
