import { expect, test } from 'vitest';
import { fnv32, fnv64 } from '../../src/fhir/fnv.ts';

// Test vectors of the authors: http://www.isthe.com/chongo/src/fnv/test_fnv.c
test.each([
  ['', 0x811c9dc5, 'cbf29ce484222325'],
  ['a', 0xe40c292c, 'af63dc4c8601ec8c'],
  ['foobar', 0xbf9cf968, '85944171f73967e8'],
])('%j', (text, of32, of64) => {
  expect(fnv32(text)).toBe(of32);
  expect(fnv64([...new TextEncoder().encode(text)])).toBe(of64);
});
