import { expect, test } from 'vitest';
import { withoutSignature } from '../../src/fhir/signature-free.ts';

const isSame = (one: string, other: string): boolean =>
  withoutSignature(`https://a.example/${one}`) === withoutSignature(`https://a.example/${other}`);

test.each([
  ['e?file=1&sv=1&se=2&sig=3', 'e?sig=6&sv=4&se=5&file=1'],
  ['e?X-Amz-Date=1&file=1&X-Amz-Signature=2', 'e?x-amz-date=3&file=1&x-amz-signature=4'],
  ['e?Expires=1&file=1&Signature=2&Key-Pair-Id=3', 'e?Expires=4&file=1&Signature=5&Key-Pair-Id=6'],
  ['e#x', 'e?sig=1'],
])('%s and %s differ in their signature only', (one, other) => {
  expect(isSame(one, other)).toBe(true);
});

test.each([
  ['e?file=1&sig=1', 'e?file=2&sig=1'],
  ['e?se=1', 'e?se=2'],
  ['e?expires=1', 'e?expires=2'],
  ['e?token=1', 'e?token=2'],
  ['e?a=1', 'e?A=1'],
  ['e', 'f'],
])('%s and %s may be two files', (one, other) => {
  expect(isSame(one, other)).toBe(false);
});
