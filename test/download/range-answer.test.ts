import { describe, expect, test } from 'vitest';
import type { RangeAsked } from '../../src/download/range-answer.ts';
import { readAnswer, readRangeAnswer } from '../../src/download/range-answer.ts';

type Headers = Record<string, string>;

describe('an answer to a request for a whole file (RFC 9110, 15.3)', () => {
  test.each<[string, number, Headers, object]>([
    ['can be resumed', 200, { etag: '"a"', 'content-length': '9' }, { version: { validator: '"a"', total: 9 } }],
    ['can, without its length', 200, { etag: '"a"' }, { version: { validator: '"a"' } }],
    ['cannot: no validator (13.1.5)', 200, { 'content-length': '9' }, { version: undefined }],
    ['cannot: a date is none here', 200, { 'last-modified': new Date(0).toUTCString() }, { version: undefined }],
    ['cannot: a weak one', 200, { etag: 'W/"a"' }, { version: undefined }],
    ['cannot: it is no entity tag (8.8.3)', 200, { etag: 'a' }, { version: undefined }],
    ['cannot: two of them', 200, { etag: '"a", "b"' }, { version: undefined }],
    ['cannot: an empty one', 200, { etag: '""' }, { version: undefined }],
    ['cannot: it is compressed', 200, { etag: '"a"', 'content-encoding': 'gzip' }, { version: undefined }],
    ['cannot: no ranges (14.3)', 200, { etag: '"a"', 'accept-ranges': 'none' }, { version: undefined }],
    [
      'can, with every default said',
      200,
      { etag: '"a"', 'content-encoding': 'identity', 'accept-ranges': 'bytes' },
      {},
    ],
  ])('%s', (_, status, headers, expected) => {
    expect(readAnswer({ status, headers })).toMatchObject({ kind: 'whole', ...expected });
  });

  test('must not be a part, even of all bytes (15.3.7)', () => {
    const headers = { etag: '"a"', 'content-range': 'bytes 0-8/9' };
    expect(readAnswer({ status: 206, headers })).toMatchObject({ kind: 'wrong' });
  });

  test.each([204, 304, 401, 404, 412, 416, 429, 500])('%i brings none', (status) => {
    expect(readAnswer({ status, headers: { etag: '"a"' } })).toEqual({ kind: 'status' });
  });
});

describe('an answer to a request for the rest', () => {
  const asked: RangeAsked = { from: 100, version: { validator: '"a"', total: 300 } };
  const unsized: RangeAsked = { from: 100, version: { validator: '"a"' } };
  const range = (contentRange: string, more: Headers = {}): Headers => ({
    etag: '"a"',
    'content-range': contentRange,
    ...more,
  });
  const rest = (end: number, isLast: boolean) => ({
    kind: 'rest',
    version: { validator: '"a"', total: 300 },
    end,
    isLast,
  });

  test.each<[string, Headers, RangeAsked, object]>([
    ['all of it', range('bytes 100-299/300'), asked, rest(300, true)],
    ['all of it, when the size was not known', range('bytes 100-299/300'), unsized, rest(300, true)],
    ['all of it, by the size that was known', range('bytes 100-299/*'), asked, rest(300, true)],
    ['all of it, with its length', range('bytes 100-299/300', { 'content-length': '200' }), asked, rest(300, true)],
    ['all of it, by another link', range('bytes 100-299/300'), { ...asked, isOtherLink: true }, rest(300, true)],
    ['a part of it (14.2)', range('bytes 100-149/300'), asked, rest(150, false)],
    ['a part of it, by the size that was known', range('bytes 100-149/*'), asked, rest(150, false)],
    ['its units in capitals (14.1)', range('Bytes 100-299/300'), asked, rest(300, true)],
  ])('brings %s', (_, headers, by, expected) => {
    expect(readRangeAnswer({ status: 206, headers }, by)).toEqual(expected);
  });

  test.each<[string, Headers, RangeAsked]>([
    ['another validator', range('bytes 100-299/300', { etag: '"b"' }), asked],
    ['a weak validator, which is none (15.3.7.3)', range('bytes 100-299/300', { etag: 'W/"a"' }), asked],
    ['no validator (15.3.7.3)', { 'content-range': 'bytes 100-299/300' }, asked],
    ['a range of compressed bytes', range('bytes 100-299/300', { 'content-encoding': 'gzip' }), asked],
    ['several parts', { etag: '"a"', 'content-type': 'multipart/byteranges; boundary=x' }, asked],
    ['no Content-Range (15.3.7.1)', { etag: '"a"' }, asked],
    ['a range from elsewhere', range('bytes 0-299/300'), asked],
    ['a range from behind', range('bytes 101-299/300'), asked],
    ['two ranges', range('bytes 100-299/300, bytes 0-1/300'), asked],
    ['another unit (14.4)', range('lines 100-299/300'), asked],
    ['an end before its beginning', range('bytes 100-99/300'), asked],
    ['an end behind the end', range('bytes 100-300/300'), asked],
    ['another size than before', range('bytes 100-299/301'), asked],
    ['another size than before, and all of that', range('bytes 100-300/301'), asked],
    ['no size, and none was known', range('bytes 100-299/*'), unsized],
    ['no size, by another link', range('bytes 100-299/*'), { ...asked, isOtherLink: true }],
    ['fewer bytes than its range', range('bytes 100-299/300', { 'content-length': '199' }), asked],
    ['more bytes than its range', range('bytes 100-299/300', { 'content-length': '201' }), asked],
    ['an unsatisfied range (14.4)', range('bytes */300'), asked],
    ['a number that is none', range('bytes 100-99999999999999999999/*'), asked],
  ])('is not joined: %s', (_, headers, by) => {
    expect(readRangeAnswer({ status: 206, headers }, by)).toMatchObject({ kind: 'again' });
  });

  test('is not there any more (15.5.17): the whole file', () => {
    const headers = { 'content-range': 'bytes */50' };
    expect(readRangeAnswer({ status: 416, headers }, asked)).toMatchObject({ kind: 'again' });
  });

  test.each<[string, Headers, object]>([
    ['of another version, which is that of checkpoints from now on', { etag: '"b"' }, { validator: '"b"' }],
    ['of the same version', { etag: '"a"', 'content-length': '300' }, { validator: '"a"', total: 300 }],
  ])('is the whole file (14.2, 13.1.5) %s', (_, headers, version) => {
    expect(readRangeAnswer({ status: 200, headers }, asked)).toEqual({ kind: 'whole', version });
  });

  test('is the whole file without a validator: the old one is not its', () => {
    expect(readRangeAnswer({ status: 200, headers: {} }, asked)).toEqual({ kind: 'whole', version: undefined });
  });

  test('is a part that says it is the whole', () => {
    expect(readRangeAnswer({ status: 200, headers: range('bytes 100-299/300') }, asked)).toMatchObject({
      kind: 'again',
    });
  });

  test.each([204, 304, 401, 404, 412, 429, 500])('%i brings none, and says nothing of what is there', (status) => {
    expect(readRangeAnswer({ status, headers: {} }, asked)).toEqual({ kind: 'status' });
  });
});
