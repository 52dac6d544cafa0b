import { describe, expect, test } from 'vitest';
import { problemsWith } from './request-problems.ts';

describe('destination.path', () => {
  test.each([
    'a',
    '2026-11/hospital-a',
    'a/b/c.d_e-f',
    'ä/ø',
    '...',
    '..a/b..',
    'export/.exports',
    'a b',
    'x'.repeat(200),
  ])('may be %s', (path) => {
    expect(problemsWith({ destination: { path } })).toEqual([]);
  });

  const relative = 'must be relative to the destination, without a leading "/"';
  const state = 'must not contain ".export", which holds the state of exports';
  test.each([
    ['', 'must not be empty'],
    ['/a', relative],
    ['/', relative],
    ['C:/a', relative],
    ['c:a', relative],
    ['..', 'must not contain ".."'],
    ['a/../b', 'must not contain ".."'],
    ['../a', 'must not contain ".."'],
    ['a/..', 'must not contain ".."'],
    ['.', 'must not contain "."'],
    ['a/./b', 'must not contain "."'],
    ['a//b', 'must not contain empty parts ("//" or a "/" at the end)'],
    ['a/', 'must not contain empty parts ("//" or a "/" at the end)'],
    ['a\\..\\b', 'must not contain a backslash, use "/"'],
    ['a\u0000b', 'must not contain control characters'],
    ['a\nb', 'must not contain control characters'],
    ['a\u007fb', 'must not contain control characters'],
    ['a/.export', state],
    ['.export/parts', state],
    ['a/.Export/b', state],
    ['ä'.repeat(101), 'must not contain a part of more than 200 bytes'],
    ['a/'.repeat(256) + 'b', 'must have at most 512 characters'],
  ])('%j %s', (path, fault) => {
    expect(problemsWith({ destination: { path } })).toEqual([`destination.path: ${fault}`]);
  });
});
