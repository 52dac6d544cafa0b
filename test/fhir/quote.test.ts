import { describe, expect, test } from 'vitest';
import { quoteAnswer, removeQueries, tidy } from '../../src/fhir/quote.ts';

describe('quoteAnswer', () => {
  test('gives the issues of an OperationOutcome', () => {
    const issue = [
      { severity: 'error', code: 'processing', diagnostics: 'no\n such group' },
      { severity: 'warning', code: 'throttled' },
    ];
    expect(quoteAnswer(JSON.stringify({ resourceType: 'OperationOutcome', issue }))).toBe(
      'error/processing: no such group; warning/throttled',
    );
  });

  test.each([
    ['<html><head><title>502 Bad Gateway</title></head><body>\n<h1>nginx</h1></body></html>', '502 Bad Gateway nginx'],
    ['\n <!DOCTYPE html><style>b{}</style>a<SCRIPT type="x">var secret = "<b>"</script >b<br/>c', 'a b c'],
    ['<p>a</p><script>var secret = 1', 'a'],
    ['<p>a</p><a href="https://a.example/x?sig=secret', 'a'],
    [
      '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
      'AccessDenied Request has expired',
    ],
  ])('gives the words of a page: %s', (page, detail) => {
    expect(quoteAnswer(page)).toBe(`(a page, not FHIR) ${detail}`);
  });

  test('gives other text as it is, on one line', () => {
    expect(quoteAnswer(' Too many\r\n\trequests.\u0000\u009f\u2028Wait.  ')).toBe('Too many requests. Wait.');
  });

  test('cuts long words, whatever they are in', () => {
    const long = 'word '.repeat(1000);
    const issue = [{ severity: 'error', code: 'processing', diagnostics: long }];
    for (const body of [long, `<p>${long}</p>`, JSON.stringify({ resourceType: 'OperationOutcome', issue })]) {
      expect(quoteAnswer(body)).toHaveLength(1500);
      expect(quoteAnswer(body)).toMatch(/word w?o?r?d?…$/);
    }
  });

  test.each(['<', '<a ', '<script', '/', '//', '://', 'a-', 'a://', '://a', '?', '/?', '#', ' ', '@', '\n', '&#'])(
    'takes no longer for a megabyte of "%s"',
    (piece) => {
      const start = performance.now();
      quoteAnswer(piece.repeat(2 ** 20 / piece.length));
      quoteAnswer(`<p>${piece.repeat(2 ** 20 / piece.length)}`);
      // Milliseconds here; a search that goes back at each character would take minutes.
      expect(performance.now() - start).toBeLessThan(10_000);
    },
  );
});

describe('removeQueries', () => {
  test.each([
    ['see https://a.example/f.ndjson?X-Amz-Signature=secret&a=b for more', 'see https://a.example/f.ndjson?… for more'],
    ['https://a.example?sig=secret', 'https://a.example?…'],
    ['https://a.example/f#token=secret', 'https://a.example/f?…'],
    ['"https://a.example/f?a=b","https://a.example/g?c=d"', '"https://a.example/f?…","https://a.example/g?…"'],
    ["'https://a.example/f?name='x'&sig=secret'", "'https://a.example/f?…"],
    ['{"url":"https:\\/\\/a.example\\/f?a=1\\u0026sig=secret"}', '{"url":"https:\\/\\/a.example\\/f?…"}'],
    ['GET /files/1?sig=secret failed', 'GET /files/1?… failed'],
    ['s3://bucket/key?versionId=secret', 's3://bucket/key?…'],
    ['https://user:pass@a.example/f', 'https://a.example/f'],
    ['https://user:p@ss@a.example/f', 'https://a.example/f'],
    ["https://user:pa'ss@a.example/f?x=secret", 'https://a.example/f?…'],
    ['HTTPS://USER@A.EXAMPLE/F?X', 'HTTPS://A.EXAMPLE/F?…'],
    ['the filter Observation?code=1 is not supported', 'the filter Observation?code=1 is not supported'],
    ['Is that so? Ask a@b.example.', 'Is that so? Ask a@b.example.'],
    ['#1: what?', '#1: what?'],
  ])('%s → %s', (text, expected) => {
    expect(removeQueries(text)).toBe(expected);
  });
});

describe('tidy', () => {
  test('cuts to the length asked for', () => {
    expect(tidy('50% complete', 100)).toBe('50% complete');
    expect(tidy('x'.repeat(100), 100)).toBe('x'.repeat(100));
    expect(tidy('x'.repeat(101), 100)).toBe(`${'x'.repeat(99)}…`);
  });

  test('does not cut a character in two', () => {
    expect(tidy('ab😀😀', 4)).toBe('ab…');
    expect(tidy('a😀😀', 4)).toBe('a😀…');
  });

  test('cuts what a removed query was in', () => {
    expect(tidy(`/a?${'x'.repeat(200)} b`, 100)).toBe('/a?… b');
  });
});
