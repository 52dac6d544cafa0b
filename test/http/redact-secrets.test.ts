import { expect, test } from 'vitest';
import { hide } from '../../src/http/redact-secrets.ts';

const secret = 'a/b+c="<&\'d e\\f';

test.each([
  ['as it is', secret],
  ['in JSON', JSON.stringify(secret).slice(1, -1)],
  ['in JSON with escaped slashes', JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
  ['in HTML', 'a/b+c=&quot;&lt;&amp;&#39;d e\\f'],
  ['in a URL', encodeURIComponent(secret)],
  ['in a URL, with small escapes', encodeURIComponent(secret).toLowerCase()],
  ['in a form', new URLSearchParams({ x: secret }).toString().slice(2)],
])('a secret is taken out of what a server wrote: %s', (_, written) => {
  expect(hide(`"${written}" and ${written}.`, [secret])).toBe('"[redacted]" and [redacted].');
});

test('of two secrets, one of which holds the other, nothing is left', () => {
  expect(hide('abcdef abc', ['abc', 'abcdef'])).toBe('[redacted] [redacted]');
});

test('no secret takes nothing out', () => {
  expect(hide('text', [])).toBe('text');
  expect(hide('text', [''])).toBe('text');
});
