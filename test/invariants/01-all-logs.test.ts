import { randomBytes } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { forbiddenIn } from '../support/log-scan.ts';

// Every line that workers log in the process of any test is looked through.

const secret = randomBytes(24).toString('base64url');
const jwt = [randomBytes(30), randomBytes(30), randomBytes(30)].map((part) => part.toString('base64url')).join('.');

test.each([
  ['a signed link', `GET https://a.example/f?x=1&sig=${secret}`],
  ['a token', `authorization: Bearer ${secret}`],
  ['an assertion', `client_assertion=${secret}`],
  ['an assertion', `sent eyJ${jwt}`],
  ['a password in an address', `http://user:${secret}@proxy.example`],
])('the search through all logs finds %s', (what, text) => {
  expect(forbiddenIn({ message: text })).toBe(what);
  expect(forbiddenIn({ message: 'x', meta: { of: { host: text } } })).toBe(what);
  const error = ApplicationFailure.create({ message: 'outside', cause: new Error(text) });
  expect(forbiddenIn({ message: 'Activity failed', meta: { error } })).toBe(what);
});

test.each(['https://a.example/f?…', 'Bearer [redacted]', 'http://[::1]:9464', 'client_assertion=[redacted]'])(
  'and leaves %s alone',
  (text) => {
    expect(forbiddenIn({ message: 'x', meta: { text, attempt: 1n } })).toBeUndefined();
  },
);
