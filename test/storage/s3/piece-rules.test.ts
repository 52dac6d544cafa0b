import { expect, test } from 'vitest';
import { sizeOfPiece } from '../../../src/storage/s3/piece-rules.ts';

test('there are numbers enough for the pieces of any file', () => {
  const rules = { pieceBytes: 6 * 1024 * 1024, maxPieces: 10_000 };
  let bytes = 0;
  for (let number = 1; number <= rules.maxPieces; number++) bytes += sizeOfPiece(rules, number);
  expect(bytes).toBeGreaterThan(215 * 1024 ** 3);
  expect(sizeOfPiece(rules, 2000)).toBe(rules.pieceBytes);
});
