import { expect, test } from 'vitest';
import { bytesOfPieces } from '../../../src/storage/s3/piece-rules.ts';

test('pieces are larger only where an upload would run out of numbers, and never too large for the memory', () => {
  const size = (fileBytes: number): number => bytesOfPieces({ pieceBytes: 8, maxPieces: 100 }, fileBytes);
  expect([0, 1, 800].map(size)).toEqual([8, 8, 8]);
  expect([801, 1600, 1601].map(size)).toEqual([16, 16, 24]);
  expect([6400, 100_000].map(size)).toEqual([64, 64]);
});
