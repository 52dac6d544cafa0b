import { isUtf8 } from 'node:buffer';
import { describe, expect, test } from 'vitest';
import { Utf8Checker } from '../../src/fhir/utf8.ts';
import { cutAnywhere, seededRandom } from '../support/random.ts';

/** Whether the pieces are one valid text. */
function check(pieces: readonly Uint8Array[]): boolean {
  const checker = new Utf8Checker(isUtf8);
  return pieces.every((piece) => checker.push(piece)) && checker.end();
}

const bytes = (...hex: number[]): Uint8Array => Uint8Array.from(hex);
const WHOLE = [
  ['ASCII', 'abc\n'],
  ['two bytes', 'ü'],
  ['three bytes', '€'],
  ['the last of three bytes', '\uffff'],
  ['four bytes', '😀'],
  ['the last character of all', '\u{10ffff}'],
  ['many', 'aü€😀\u0000\u007f\u0080\u07ff\u0800\ud7ff\ue000'],
] as const;
const BROKEN = [
  ['a lone continuation', bytes(0x61, 0x80, 0x61)],
  ['a lone lead', bytes(0x61, 0xc3, 0x61)],
  ['a lead after a lead', bytes(0xc3, 0xc3, 0xbc)],
  ['an overlong slash', bytes(0xc0, 0xaf)],
  ['an overlong slash of three', bytes(0xe0, 0x80, 0xaf)],
  ['a surrogate', bytes(0xed, 0xa0, 0x80)],
  ['beyond Unicode', bytes(0xf4, 0x90, 0x80, 0x80)],
  ['a byte that never occurs', bytes(0xff)],
  ['latin-1', bytes(0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72)],
  ['three bytes, one short', bytes(0xe2, 0x82, 0x0a)],
  ['four bytes, one short', bytes(0xf0, 0x9f, 0x98, 0x22)],
  ['two bytes cut at the end', bytes(0x61, 0xc3)],
  ['four bytes cut at the end', bytes(0xf0, 0x9f, 0x98)],
] as const;

/** All ways to cut a few bytes. */
function* everyCut(whole: Uint8Array): Generator<Uint8Array[]> {
  for (let borders = 0; borders < 2 ** (whole.length - 1); borders++) {
    const pieces: Uint8Array[] = [];
    let start = 0;
    for (let at = 1; at <= whole.length; at++) {
      if (at < whole.length && (borders & (1 << (at - 1))) === 0) continue;
      pieces.push(whole.slice(start, at));
      start = at;
    }
    yield pieces;
  }
}

describe('characters', () => {
  test.each(WHOLE)('whole, of %s, pass however they are cut', (_what, text) => {
    const whole = new TextEncoder().encode(text);
    for (const pieces of everyCut(whole.slice(-12))) expect(check([whole.slice(0, -12), ...pieces])).toBe(true);
  });

  test.each(BROKEN)('broken, of %s, fail however they are cut', (_what, broken) => {
    for (const pieces of everyCut(broken)) {
      expect(check(pieces)).toBe(false);
      expect(check([...pieces, bytes(0x61)])).toBe(false);
      expect(check([bytes(0xf0, 0x9f, 0x98), bytes(0x80), ...pieces])).toBe(false);
    }
  });
});

test('no cut changes the verdict of any bytes', () => {
  const random = seededRandom(11);
  const verdicts = [0, 0];
  for (let round = 0; round < 4000; round++) {
    const characters = Array.from({ length: 12 }, () =>
      random() < 0.04
        ? BROKEN[Math.floor(random() * BROKEN.length)]![1]
        : new TextEncoder().encode(WHOLE[Math.floor(random() * WHOLE.length)]![1]),
    );
    const whole = Uint8Array.from(characters.flatMap((character) => [...character]));
    const verdict = isUtf8(whole);
    verdicts[Number(verdict)]!++;
    expect(check(cutAnywhere(whole, random))).toBe(verdict);
  }
  expect(Math.min(...verdicts)).toBeGreaterThan(500);
});

test('empty chunks change nothing', () => {
  expect(check([])).toBe(true);
  expect(check([bytes(), bytes(0xe2), bytes(), bytes(0x82), bytes(), bytes(0xac), bytes()])).toBe(true);
  expect(check([bytes(0xe2), bytes()])).toBe(false);
});

test('a fault shows before the text ends', () => {
  const checker = new Utf8Checker(isUtf8);
  expect(checker.push(bytes(0x61, 0xe2))).toBe(true);
  expect(checker.push(bytes(0x0a))).toBe(false);
});

test('the memory of a chunk may be used again', () => {
  const checker = new Utf8Checker(isUtf8);
  const memory = Buffer.from([0x61, 0xe2, 0x82]);
  expect(checker.push(memory)).toBe(true);
  memory.fill(0x61);
  expect(checker.push(Buffer.from([0xac]))).toBe(true);
  expect(checker.end()).toBe(true);
});
