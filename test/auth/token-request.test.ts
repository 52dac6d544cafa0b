import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ServerClocks } from '../../src/auth/clock.ts';
import { readSigners } from '../../src/auth/key-file.ts';
import { secretProof } from '../../src/auth/schemes/client-secret.ts';
import { assertionProof } from '../../src/auth/schemes/smart-backend.ts';
import type { Proof } from '../../src/auth/token-request.ts';
import { requestToken } from '../../src/auth/token-request.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Answer, AnsweringServer, Asked } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { makeKey } from '../support/keys.ts';

const keys = { RS384: await makeKey('RS384', 'rsa'), ES384: await makeKey('ES384', 'ec') };
const SECRET = 's+ &/"x';
const RULES = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
const http = new HttpClient();
let server: AnsweringServer;
let tokenUrl: string;

beforeAll(async () => {
  server = await startAnswering(() => ({}));
  tokenUrl = `${server.origin}/auth/token?x=1`;
});
beforeEach(() => {
  server.asked.length = 0;
});
afterAll(async () => {
  await http.close();
  await server.close();
});

const GOOD = { access_token: 'abc', token_type: 'Bearer', expires_in: 300, scope: 'system/*.rs' };
const ok = (change: object = {}): Answer => ({ body: { ...GOOD, ...change } });
const refusal = (error: string, status = 400, error_description = ''): Answer => ({
  status,
  body: { error, error_description },
});
const form = (asked: Asked | undefined): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(asked?.body ?? ''));
const assertions = (): string[] => server.asked.map((asked) => form(asked)['client_assertion'] ?? '');

const ask = (proof: Proof, clocks = new ServerClocks()) =>
  requestToken(http, RULES, clocks, { tokenUrl, scope: 'system/*.rs', proof, supported: ['system/Patient.rs'] });

async function askWithKey(algorithm: keyof typeof keys = 'ES384', clocks = new ServerClocks()) {
  const [signer] = await readSigners(JSON.stringify(keys[algorithm].privateJwk), undefined);
  if (signer === undefined) throw new Error('no signer');
  return ask(assertionProof({ clientId: 'me', tokenUrl, jku: undefined }, signer), clocks);
}

describe('the assertion', () => {
  test.each(['RS384', 'ES384'] as const)('%s: as SMART asks for it', async (algorithm) => {
    server.answer = () => ok();
    await askWithKey(algorithm);
    const { publicJwk } = keys[algorithm];
    const [assertion] = assertions() as [string];
    const jwks = createLocalJWKSet({ keys: [publicJwk] });
    const { payload } = await jwtVerify(assertion, jwks, { audience: tokenUrl, issuer: 'me', subject: 'me' });
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: algorithm, kid: publicJwk.kid, typ: 'JWT' });
    const { exp = 0, iat = 0, jti } = payload;
    expect(exp).toBeGreaterThan(Date.now() / 1000 + 200);
    expect(exp).toBeLessThanOrEqual(Date.now() / 1000 + 300);
    expect(exp - iat).toBeLessThanOrEqual(300);
    // Some servers refuse what seems to come from the future.
    expect(iat).toBeLessThan(Date.now() / 1000);
    expect(jti).toBeTruthy();
    expect(server.asked[0]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(form(server.asked[0])).toEqual({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
  });

  test('has an id of its own, however many there are', async () => {
    server.answer = () => ok();
    await Promise.all(Array.from({ length: 20 }, () => askWithKey()));
    expect(new Set(assertions().map((one) => decodeJwt(one).jti)).size).toBe(20);
  });

  test.each([600, -600])('is made by the clock of the server once that is known: %i s ahead', async (seconds) => {
    const headers = { Date: new Date(Date.now() + seconds * 1000).toUTCString() };
    server.answer = () =>
      server.asked.length === 1 ? { ...refusal('invalid_client'), headers } : { ...ok(), headers };
    const clocks = new ServerClocks();
    await askWithKey('ES384', clocks);
    await askWithKey('ES384', clocks);
    const [first, ...later] = assertions().map((one) => decodeJwt(one));
    for (const { exp = 0 } of later) expect(Math.abs(exp - (first?.exp ?? 0) - seconds)).toBeLessThanOrEqual(3);
    expect(later).toHaveLength(2);
  });
});

describe('a token as the server gave it', () => {
  test.each<[string, object, number]>([
    ['expires_in as a number', {}, 300],
    ['expires_in as text', { expires_in: '1200' }, 1200],
    ['no expires_in', { expires_in: undefined }, 300],
    ['expires_in null', { expires_in: null }, 300],
    ['a negative expires_in', { expires_in: -5 }, 300],
    ['expires_in true', { expires_in: true }, 300],
    ['expires_in beyond all bounds', { expires_in: 1e306 }, 365 * 24 * 3600],
    ['expires_in that is no number', { expires_in: 'soon' }, 300],
    ['token_type in lower case', { token_type: 'bearer' }, 300],
    ['no token_type', { token_type: undefined }, 300],
  ])('%s', async (_, change, seconds) => {
    server.answer = () => ok(change);
    expect(await askWithKey()).toEqual({
      kind: 'token',
      value: 'abc',
      expiresIn: seconds * 1000,
      scope: 'system/*.rs',
    });
  });

  test('has its scope to the letter', async () => {
    const scope = 'system/Observation.rs?category=laboratory'.padEnd(6000, ' system/Patient.rs');
    server.answer = () => ok({ scope });
    expect(await askWithKey()).toMatchObject({ scope });
  });

  test('without a scope is of the scope that was asked for', async () => {
    server.answer = () => ok({ scope: undefined });
    expect(await askWithKey()).toMatchObject({ scope: undefined });
  });
});

describe('the answer of the token endpoint', () => {
  test.each(['bearer', 'Bearer', 'BEARER'])('has token_type %s; a refresh token is passed over', async (token_type) => {
    server.answer = () => ok({ token_type, refresh_token: 'y' });
    expect(await askWithKey()).toEqual({ kind: 'token', value: 'abc', expiresIn: 300_000, scope: 'system/*.rs' });
  });

  test.each([
    ['no access_token', { access_token: undefined }],
    ['another token_type', { token_type: 'mac' }],
  ])('with %s is a failure', async (_, fields) => {
    server.answer = () => ok(fields);
    await expect(askWithKey()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  });
});

describe('a refusal for good', () => {
  const SPRING = { status: 404, error: 'Not Found', path: '/token' };
  const SCOPES = /asked for: system\/\*\.rs; the server names as supported: system\/Patient\.rs/;
  test.each<[string, Answer, RegExp, number]>([
    ['no access_token', ok({ access_token: undefined }), /without an access_token/, 1],
    ['an access_token that is no text', ok({ access_token: 5 }), /without an access_token/, 1],
    ['an access_token with a line break', ok({ access_token: 'a\r\nb: c' }), /that no header can carry/, 1],
    ['a token of another type', ok({ token_type: 'DPoP' }), /of type DPoP/, 1],
    ['200 with a page', { body: '<html>Log in</html>' }, /not JSON/, 1],
    ['200 with nothing', {}, /not JSON/, 1],
    ['200 with null', { body: 'null' }, /without an access_token/, 1],
    ['invalid_client', refusal('invalid_client', 401), /HTTP 401.*invalid_client/, 2],
    ['a bare 400', { status: 400 }, /HTTP 400/, 2],
    ['400 with null', { status: 400, body: 'null' }, /HTTP 400/, 2],
    ['invalid_grant', refusal('invalid_grant'), /invalid_grant/, 2],
    ['invalid_request', refusal('invalid_request'), /invalid_request/, 1],
    ['unsupported_grant_type', refusal('unsupported_grant_type'), /unsupported_grant_type/, 1],
    ['access_denied', refusal('access_denied', 403), /access_denied/, 1],
    ['what a framework says', { status: 404, body: SPRING }, /HTTP 404.*Not Found/, 1],
    ['200 with invalid_client', refusal('invalid_client', 200, 'kid unknown'), /HTTP 200: .*kid unknown/, 2],
    ['200 with invalid_scope', refusal('invalid_scope', 200), SCOPES, 1],
    ['invalid_scope', refusal('invalid_scope'), SCOPES, 1],
    ['unauthorized_client', refusal('unauthorized_client'), /unauthorized_client/, 1],
    ['403', { status: 403, body: '<h1>Blocked</h1>' }, /HTTP 403: \(a page, not FHIR\) Blocked/, 1],
  ])('%s', async (_, answer, detail, tries) => {
    server.answer = () => answer;
    await expect(askWithKey()).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringMatching(detail),
    });
    expect(server.asked).toHaveLength(tries);
    expect(new Set(assertions()).size).toBe(tries);
  });

  test('invalid_client the first time only is none', async () => {
    server.answer = () => (server.asked.length === 1 ? refusal('invalid_client') : ok());
    expect(await askWithKey()).toMatchObject({ value: 'abc' });
  });

  test.each([301, 302, 307, 308])(
    'a redirect by %d is one: the assertion is for this endpoint only',
    async (status) => {
      server.answer = () => ({ status, headers: { Location: `${server.origin}/elsewhere` } });
      await expect(askWithKey()).rejects.toThrow(`HTTP ${status}`);
      expect(server.asked.map(({ url }) => url)).toEqual(['/auth/token?x=1']);
    },
  );
});

test.each([408, 429, 500, 503])('%i may pass, and its Retry-After is told', async (status) => {
  server.answer = () => ({ status, headers: { 'Retry-After': '7' } });
  const busy = status === 429 || status === 503 ? { busy: true } : {};
  const detail = `token endpoint: HTTP ${status}`;
  expect(await askWithKey()).toEqual({ kind: 'trouble', detail, retryAfter: 7000, ...busy });
  expect(server.asked).toHaveLength(1);
});

describe('what the server quotes of a proof is taken out', () => {
  test('the assertion, HTTP 200', async () => {
    server.answer = (asked) => refusal('invalid_client', 200, `bad: ${asked.body}`);
    const detail = await askWithKey().then(JSON.stringify, (error: Error) => error.message);
    expect(detail).toContain('client_assertion=[redacted]');
    for (const assertion of assertions()) expect(detail).not.toContain(assertion.split('.')[2]);
  });

  test.each([400, 503])('the assertion, HTTP %i', async (status) => {
    server.answer = (asked) => ({ status, body: { error: 'invalid_client', error_description: `bad: ${asked.body}` } });
    const detail = await askWithKey().then(JSON.stringify, (error: Error) => error.message);
    expect(detail).toContain('client_assertion=[redacted]');
    for (const assertion of assertions()) expect(detail).not.toContain(assertion.split('.')[2]);
  });

  test.each(['basic', 'form'] as const)('the client secret by %s, in whatever spelling', async (method) => {
    server.answer = ({ body, headers }) => ({
      status: 400,
      body: `${SECRET} | ${JSON.stringify({ SECRET }).replaceAll('/', '\\/')} | ${body} | ${headers.authorization}`,
    });
    const error = await ask(secretProof('me', async () => SECRET, method)).catch((caught: Error) => caught);
    const { message } = error as Error;
    const parts = message.split(' | ');
    expect(parts[0]).toMatch(/\[redacted\]$/);
    expect(parts[1]).toBe('{"SECRET":"[redacted]"}');
    expect(parts[2]).toContain(method === 'form' ? 'client_secret=[redacted]' : 'grant_type');
    expect(parts[3]).toBe(method === 'form' ? 'undefined' : 'Basic [redacted]');
  });
});

test.each([
  ['basic', { authorization: `Basic ${Buffer.from('me:s%2B+%26%2F%22x').toString('base64')}` }, {}],
  ['form', {}, { client_id: 'me', client_secret: SECRET }],
] as const)('a client secret goes by %s', async (method, headers, fields) => {
  server.answer = () => ok();
  await ask(secretProof('me', async () => SECRET, method));
  expect(server.asked[0]?.headers).toMatchObject(headers);
  expect(form(server.asked[0])).toEqual({ grant_type: 'client_credentials', scope: 'system/*.rs', ...fields });
});
