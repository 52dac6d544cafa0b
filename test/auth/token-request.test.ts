import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ServerClocks } from '../../src/auth/clock.ts';
import { readSigners } from '../../src/auth/key-file.ts';
import { Secret } from '../../src/auth/secret.ts';
import { assertionProof, requestToken, secretProof } from '../../src/auth/token-request.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { TestKey } from '../support/keys.ts';
import { makeKey } from '../support/keys.ts';

type Answer = { status: number; body: string; headers?: Record<string, string> };

let rsa: TestKey;
let ec: TestKey;
let answers: Answer[] = [];
let bodies: URLSearchParams[] = [];
let headers: NodeJS.Dict<string | string[]>[] = [];
const http = new HttpClient();
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = new URLSearchParams(Buffer.concat(chunks).toString());
    bodies.push(body);
    headers.push(request.headers);
    const answer = answers.shift() ?? { status: 500, body: '' };
    response
      .writeHead(answer.status, answer.headers)
      .end(answer.body.replaceAll('<assertion>', body.get('client_assertion') ?? ''));
  });
});
let tokenUrl: string;

beforeAll(async () => {
  [rsa, ec] = await Promise.all([makeKey('RS384', 'rsa'), makeKey('ES384', 'ec')]);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth/token?x=1`;
});
afterAll(async () => {
  await http.close();
  server.close();
});
afterEach(() => {
  answers = [];
  bodies = [];
  headers = [];
});

const GOOD = { access_token: 'abc', token_type: 'Bearer', expires_in: 300, scope: 'system/*.rs' };
const ok = (change: object = {}): Answer => ({ status: 200, body: JSON.stringify({ ...GOOD, ...change }) });
const refusal = (error: string, status = 400, description = ''): Answer => ({
  status,
  body: JSON.stringify({ error, error_description: description }),
});

async function ask(key: TestKey = ec, clocks = new ServerClocks()) {
  const [signer] = await readSigners(JSON.stringify(key.privateJwk), undefined);
  if (signer === undefined) throw new Error('no signer');
  const proof = assertionProof({ clientId: 'me', tokenUrl, jku: undefined }, signer, clocks);
  const rules = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
  return requestToken(http, rules, clocks, { tokenUrl, scope: 'system/*.rs', proof, supported: ['system/Patient.rs'] });
}

describe('the assertion', () => {
  test.each(['RS384', 'ES384'] as const)('%s: as SMART asks for it', async (algorithm) => {
    answers = [ok()];
    const key = algorithm === 'RS384' ? rsa : ec;
    await ask(key);
    const assertion = bodies[0]?.get('client_assertion') ?? '';
    const { payload } = await jwtVerify(assertion, createLocalJWKSet({ keys: [key.publicJwk] }), {
      audience: tokenUrl,
      issuer: 'me',
      subject: 'me',
    });
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: algorithm, kid: key.publicJwk.kid, typ: 'JWT' });
    expect(payload.exp).toBeLessThanOrEqual(Date.now() / 1000 + 300);
    expect(payload.jti).toBeTruthy();
    if (algorithm === 'ES384') expect(Buffer.from(assertion.split('.')[2] ?? '', 'base64url')).toHaveLength(96);
    expect(Object.fromEntries(bodies[0] ?? [])).toMatchObject({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
  });

  test('is made by the server’s clock, and never used twice', async () => {
    const date = new Date(Date.now() + 600_000).toUTCString();
    answers = [{ ...refusal('invalid_client'), headers: { Date: date } }, ok()];
    await ask();
    const [first, second] = bodies.map(
      (body) =>
        JSON.parse(Buffer.from((body.get('client_assertion') ?? '').split('.')[1] ?? '', 'base64url').toString()) as {
          exp: number;
          jti: string;
        },
    );
    expect(first?.jti).not.toBe(second?.jti);
    expect((second?.exp ?? 0) - (first?.exp ?? 0)).toBeGreaterThan(590);
  });
});

describe('the answer', () => {
  test.each([
    ['expires_in as a number', {}, 300_000],
    ['expires_in as text', { expires_in: '1200' }, 1_200_000],
    ['no expires_in', { expires_in: undefined }, 300_000],
    ['a negative expires_in', { expires_in: -5 }, 300_000],
    ['token_type in lower case', { token_type: 'bearer' }, 300_000],
  ])('%s', async (_, change, expiresIn) => {
    answers = [ok(change)];
    expect(await ask()).toMatchObject({ value: 'abc', expiresIn });
  });

  test.each([
    ['no access_token', ok({ access_token: undefined }), /without an access_token/, 1],
    ['a token of another type', ok({ token_type: 'DPoP' }), /of type DPoP/, 1],
    ['200 with a page', { status: 200, body: '<html>' }, /not JSON/, 1],
    ['invalid_client', refusal('invalid_client', 401), /HTTP 401.*invalid_client/, 2],
    ['a bare 400', { status: 400, body: '' }, /HTTP 400/, 2],
    ['invalid_grant', refusal('invalid_grant'), /invalid_grant/, 2],
    [
      'invalid_scope',
      refusal('invalid_scope'),
      /asked for: system\/\*\.rs; the server names as supported: system\/Patient\.rs/,
      1,
    ],
    ['unauthorized_client', refusal('unauthorized_client'), /unauthorized_client/, 1],
    ['a redirect', { status: 307, body: '', headers: { Location: 'http://127.0.0.1:1/' } }, /HTTP 307/, 1],
    ['the assertion quoted', refusal('invalid_client', 400, 'bad: <assertion>'), /bad: \[redacted\]/, 2],
  ] as const)('%s: final after its tries', async (_, answer, words, tries) => {
    answers = [answer, answer, answer];
    await expect(ask()).rejects.toMatchObject({ code: 'AuthorizationFailed', message: expect.stringMatching(words) });
    expect(bodies).toHaveLength(tries);
  });

  test.each([429, 503, 500, 408])('%i: later', async (status) => {
    answers = [{ status, body: '', headers: { 'Retry-After': '7' } }];
    expect(await ask()).toMatchObject({ trouble: expect.stringContaining(`HTTP ${status}`), retryAfter: 7000 });
    expect(bodies).toHaveLength(1);
  });
});

test.each([
  ['basic', { authorization: `Basic ${Buffer.from('me:s%2B+%26x').toString('base64')}` }, {}],
  ['form', {}, { client_id: 'me', client_secret: 's+ &x' }],
] as const)('a client secret by %s', async (method, sentHeaders, fields) => {
  answers = [ok()];
  const rules = { trustedHeaders: {}, trustedOrigins: new Set<string>(), loopback: true };
  const proof = secretProof('me', async () => 's+ &x', method);
  await requestToken(http, rules, new ServerClocks(), { tokenUrl, scope: undefined, proof, supported: [] });
  expect(headers[0]).toMatchObject(sentHeaders);
  expect(Object.fromEntries(bodies[0] ?? [])).toEqual({ grant_type: 'client_credentials', ...fields });
});

describe('key files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pem-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

  test.each([
    ['PKCS#1', ['genrsa', '-traditional', '2048'], 'RS384'],
    ['SEC1', ['ecparam', '-name', 'secp384r1', '-genkey', '-noout'], 'ES384'],
  ])('a PEM as %s', async (_, args, algorithm) => {
    const [signer] = await readSigners(openssl(...args), 'my-key');
    expect(signer).toMatchObject({ algorithm, keyId: 'my-key' });
  });

  test('one key of a set is chosen by its id, a single key gets it, and without any its thumbprint', async () => {
    const other = await makeKey('ES384', 'other');
    const set = JSON.stringify({ keys: [ec.privateJwk, other.privateJwk, rsa.publicJwk] });
    expect((await readSigners(set, 'other')).map(({ keyId }) => keyId)).toEqual(['other']);
    const { kid: _, ...nameless } = ec.privateJwk;
    expect((await readSigners(JSON.stringify(nameless), undefined))[0]?.keyId).toMatch(/^[\w-]{43}$/);
  });

  test.each([
    ['garbage', () => 'no key at all'],
    ['a PEM that is cut', () => ec.pem.slice(0, 60)],
    ['a public key', () => JSON.stringify(ec.publicJwk)],
    ['another curve', () => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout')],
    ['a JWK with a wrong member', () => JSON.stringify({ ...ec.privateJwk, d: 'x' })],
  ])('%s is refused without a word of it', async (_, text) => {
    const content = text();
    const error = await readSigners(content, undefined).catch((caught: unknown) => caught as Error & { code: string });
    expect(error).toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('private key cannot be used'),
    });
    for (const word of content.split(/[\s"]+/).filter((part) => part.length > 12))
      expect((error as Error).message).not.toContain(word);
  });
});

describe('a secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'secret-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is read again when its file has changed, without the newline at its end', async () => {
    const file = join(folder, 'secret');
    const secret = new Secret({ file });
    writeFileSync(file, 'one\n');
    expect(await secret.text()).toBe('one');
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(file, 'two\r\n');
    expect(await secret.text()).toBe('two');
  });

  test.each([
    [{ file: join(folder, 'nowhere') }, /nowhere cannot be read \(ENOENT\)/],
    [{ env: 'NO_SUCH_VARIABLE_HERE' }, /NO_SUCH_VARIABLE_HERE is not set/],
  ])('%o', async (source, words) => {
    await expect(new Secret(source).text()).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringMatching(words),
    });
  });
});
