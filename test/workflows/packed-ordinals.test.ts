import { expect, test } from 'vitest';
import { packOrdinals, unpackOrdinals } from '../../src/workflows/packed-ordinals.ts';
import { seededRandom } from '../support/random.ts';

test('any rising numbers come out as they went in', () => {
  for (let seed = 0; seed < 500; seed++) {
    const random = seededRandom(seed);
    const [most, rare] = [1 + Math.floor(random() * 2000), random()];
    const ordinals = Array.from({ length: most }, (_, number) => number * (seed % 7 === 0 ? 100_003 : 1)).filter(
      () => random() < rare,
    );
    expect(unpackOrdinals(packOrdinals(ordinals))).toEqual(ordinals);
  }
});

test('those that are near take a character each, and a run takes two', () => {
  expect(packOrdinals(Array.from({ length: 1000 }, (_, number) => number * 2))).toHaveLength(1000);
  expect(packOrdinals([3, 4, 5, 6])).toHaveLength(2);
  expect(packOrdinals([])).toBe('');
});

test('what is none is refused', () => {
  expect(() => unpackOrdinals('é')).toThrow(RangeError);
  expect(() => unpackOrdinals('g')).toThrow(RangeError);
});
