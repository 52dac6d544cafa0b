import { expect, test } from 'vitest';
import { resolveUrl } from '../../src/fhir/resolve-url.ts';

const BASE = 'https://a.example/r4/Group/1/$export';

test.each([
  ['https://B.example/x?sig=a%2fb', 'https://B.example/x?sig=a%2fb'],
  ['HTTPS://a.example', 'HTTPS://a.example'],
  ["https://a.example/a/../b?q='1'", "https://a.example/a/../b?q='1'"],
  ['/status/1', 'https://a.example/status/1'],
  ['status/1', 'https://a.example/r4/Group/1/status/1'],
  ['//b.example/1', 'https://b.example/1'],
  ['?page=2', 'https://a.example/r4/Group/1/$export?page=2'],
  ['https://', undefined],
  ['http://a b/', undefined],
  ['http://A.example/r4/../status/1?sig=a%2fb', 'https://A.example/r4/../status/1?sig=a%2fb'],
  ['http://a.example:80?page=2', 'https://a.example?page=2'],
  ['http://a.example:443/status/1', 'https://a.example/status/1'],
  ['http://a.example:8080/status/1', 'http://a.example:8080/status/1'],
  ['http://b.example/status/1', 'http://b.example/status/1'],
])('%s', (url, resolved) => {
  expect(resolveUrl(url, BASE)).toBe(resolved);
});

test.each(['http://a.example/r4/$export', 'https://a.example:8443/r4/$export'])('http: stays below %s', (base) => {
  expect(resolveUrl('http://a.example/status/1', base)).toBe('http://a.example/status/1');
});
