import { KeyObject, randomUUID, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { request } from 'undici';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { authServerFrom } from '../../../dev/sample-server/auth-server/arguments.ts';
import {
  createAuthServer,
  startSampleServer,
  type AuthServer,
  type AuthServerOptions,
  type SampleServer,
  type SampleServerOptions,
} from '../../../dev/sample-server/index.ts';

type Pair = { privateKey: CryptoKey; jwk: JWK };
let rsa: Pair;
let ec: Pair;
let stranger: Pair;
beforeAll(async () => {
  const make = async (algorithm: string, kid: string) => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
  };
  [rsa, ec, stranger] = await Promise.all([make('RS384', 'rsa-1'), make('ES384', 'ec-1'), make('ES384', 'ec-1')]);
});

const running: SampleServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

type Started = { auth: AuthServer; server: SampleServer };

async function start(auth: AuthServerOptions = {}, options: SampleServerOptions = {}): Promise<Started> {
  const authorization = createAuthServer({ jwks: { keys: [rsa.jwk, ec.jwk] }, ...auth });
  const fixed = { authorization, patients: 5, pollsUntilReady: 0, requiresAccessToken: true };
  const server = await startSampleServer({ ...fixed, ...options });
  running.push(server);
  return { auth: authorization, server };
}

type Call = { method?: 'GET' | 'POST' | 'DELETE'; headers?: Record<string, string>; body?: string };

async function call(url: string, { method = 'GET', headers = {}, body }: Call = {}) {
  const response = await request(url, { method, headers, body: body ?? null });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

type Assertion = {
  key?: CryptoKey | Uint8Array;
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  /** Milliseconds by which the client's clock is ahead. */
  clock?: number;
};

/** An assertion that is right but for what is given; members that are undefined are left out. */
async function assertion({ auth, server }: Started, { key, header, claims, clock = 0 }: Assertion = {}) {
  const exp = Math.floor((Date.now() + clock) / 1000) + 240;
  const [iss, aud] = ['demo-client', auth.tokenUrl(server.baseUrl)];
  const payload: Record<string, unknown> = { iss, sub: iss, aud, exp, jti: randomUUID(), ...claims };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES384', kid: 'ec-1', typ: 'JWT', ...header })
    .sign(key ?? ec.privateKey);
}

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const formType = { 'content-type': 'application/x-www-form-urlencoded' };

/** Asks for a token; fields that are null are left out. */
async function ask(started: Started, fields: Record<string, string | null> = {}, other: Call = {}) {
  const { auth, server } = started;
  const all = {
    grant_type: 'client_credentials',
    scope: 'system/*.rs',
    ...(fields['client_assertion'] === undefined && { client_assertion: await assertion(started) }),
    client_assertion_type: jwtBearer,
    ...fields,
  };
  const sent = Object.entries(all).filter((field): field is [string, string] => typeof field[1] === 'string');
  const body = new URLSearchParams(sent).toString();
  const answer = await call(auth.tokenUrl(server.baseUrl), { method: 'POST', headers: formType, body, ...other });
  return { ...answer, json: JSON.parse(answer.text) as Record<string, unknown> };
}

async function bearer(started: Started, scope = 'system/*.rs', clock = 0): Promise<{ authorization: string }> {
  const { status, json, text } = await ask(started, { scope, client_assertion: await assertion(started, { clock }) });
  expect(status, text).toBe(200);
  return { authorization: `Bearer ${String(json['access_token'])}` };
}

async function kickOff({ server }: Started, headers: Record<string, string>, query = '') {
  const fixed = { accept: 'application/fhir+json', prefer: 'respond-async' };
  return call(`${server.baseUrl}/Patient/$export${query}`, { headers: { ...fixed, ...headers } });
}

const smart = (base: string) => `${base}/.well-known/smart-configuration`;
const wellKnown = async ({ server }: Started) => call(smart(server.baseUrl));
const noAssertion = { client_assertion: null, client_assertion_type: null };

describe('assertions', () => {
  test.each(['RS384', 'ES384'] as const)('%s gives a token', async (alg) => {
    const started = await start();
    const [key, kid] = alg === 'RS384' ? [rsa.privateKey, 'rsa-1'] : [ec.privateKey, 'ec-1'];
    const signed = await assertion(started, { key, header: { alg, kid } });
    const { status, json, headers } = await ask(started, { client_assertion: signed });
    expect(status).toBe(200);
    expect(json).toMatchObject({ token_type: 'bearer', expires_in: 60, scope: 'system/*.rs' });
    expect(String(json['access_token'])).toMatch(/^[A-Za-z0-9_-]{64}$/);
    expect(headers['cache-control']).toBe('no-store');
    const { auth, server } = started;
    expect(auth.requests).toMatchObject([
      { ok: true, method: 'private_key_jwt', clientId: 'demo-client', kid, alg, scope: 'system/*.rs' },
    ]);
    expect(auth.issued).toEqual([signed, json['access_token']]);
    expect(server.journal[0]).toMatchObject({ route: 'token', body: expect.stringContaining(signed) as string });
  });

  const now = () => Math.floor(Date.now() / 1000);
  const wrong: [name: string, make: () => Assertion, message: RegExp][] = [
    ['the key of somebody else', () => ({ key: stranger.privateKey }), /signature/],
    ['an unknown kid', () => ({ header: { kid: 'ec-2' } }), /kid/],
    ['the kid of another key', () => ({ header: { kid: 'rsa-1' } }), /kid/],
    ['no kid', () => ({ header: { kid: undefined } }), /kid/],
    ['another typ', () => ({ header: { typ: 'at+jwt' } }), /typ/],
    ['no typ', () => ({ header: { typ: undefined } }), /typ/],
    ['an unregistered jku', () => ({ header: { jku: 'https://example.com/jwks.json' } }), /jku/],
    [
      'a public key as a shared secret',
      () => ({ key: Buffer.from(JSON.stringify(ec.jwk)), header: { alg: 'HS384' } }),
      /alg/,
    ],
    ['an unknown iss', () => ({ claims: { iss: 'other' } }), /unknown/],
    ['another sub', () => ({ claims: { sub: 'other' } }), /iss and sub/],
    ['no sub', () => ({ claims: { sub: undefined } }), /iss and sub/],
    ['another aud', () => ({ claims: { aud: 'http://127.0.0.1/auth/token' } }), /aud/],
    ['no aud', () => ({ claims: { aud: undefined } }), /aud/],
    ['no exp', () => ({ claims: { exp: undefined } }), /exp/],
    ['an exp that is text', () => ({ claims: { exp: String(now() + 60) } }), /exp/],
    ['an exp with a fraction', () => ({ claims: { exp: now() + 60.5 } }), /exp/],
    ['an exp in the past', () => ({ claims: { exp: now() - 1 } }), /expired/],
    ['an exp too far ahead', () => ({ claims: { exp: now() + 302 } }), /300 seconds/],
    ['an nbf in the future', () => ({ claims: { nbf: now() + 60 } }), /not valid yet/],
    ['no jti', () => ({ claims: { jti: undefined } }), /jti/],
    ['a jti that is a number', () => ({ claims: { jti: 7 } }), /jti/],
  ];
  test('each wrong assertion is refused', async () => {
    const started = await start();
    for (const [name, make, message] of wrong) {
      const { status, json } = await ask(started, { client_assertion: await assertion(started, make()) });
      expect([status, json['error']], name).toEqual([400, 'invalid_client']);
      expect(json['error_description'], name).toMatch(message);
      expect(started.auth.requests.at(-1), name).toMatchObject({ ok: false, error: 'invalid_client' });
    }
  });

  test('aud is compared as text, and may not be a list', async () => {
    const started = await start();
    const url = started.auth.tokenUrl(started.server.baseUrl);
    for (const aud of [`${url}/`, url.replace('127.0.0.1', 'localhost'), url.toUpperCase(), [url]]) {
      const { json } = await ask(started, { client_assertion: await assertion(started, { claims: { aud } }) });
      expect(json['error'], String(aud)).toBe('invalid_client');
    }
  });

  test('tampering, unsigned assertions and DER signatures are refused', async () => {
    const started = await start();
    const [header = '', claims = '', signature = ''] = (await assertion(started)).split('.');
    const encode = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
    const raw = Buffer.from(signature, 'base64url');
    const integer = (half: Buffer) => {
      const bytes = half[0] !== undefined && half[0] > 127 ? Buffer.concat([Buffer.of(0), half]) : half;
      return Buffer.concat([Buffer.of(2, bytes.length), bytes]);
    };
    const both = Buffer.concat([integer(raw.subarray(0, 48)), integer(raw.subarray(48))]);
    const der = Buffer.concat([Buffer.of(0x30, both.length), both]).toString('base64url');
    const decoded = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
    for (const bad of [
      `${header}.${encode({ ...decoded, jti: 'other' })}.${signature}`,
      `${encode({ alg: 'none', kid: 'ec-1', typ: 'JWT' })}.${claims}.`,
      `${encode({ alg: 'none', kid: 'ec-1', typ: 'JWT' })}.${claims}.${signature}`,
      `${header}.${claims}.${der}`,
      `${header}.${claims}`,
      `${header}.bm90IGpzb24.${signature}`,
      'abc',
    ]) {
      expect((await ask(started, { client_assertion: bad })).json['error'], bad).toBe('invalid_client');
    }
    expect((await ask(started, { client_assertion: `${header}.${claims}.${signature}` })).status).toBe(200);
  });

  test('a replay is refused, and so is a jti in another assertion', async () => {
    const started = await start();
    const first = await assertion(started, { claims: { jti: 'one' } });
    expect((await ask(started, { client_assertion: first })).status).toBe(200);
    const again = await assertion(started, { claims: { jti: 'one' }, header: { cty: 'x' } });
    for (const used of [first, again]) {
      const { status, json } = await ask(started, { client_assertion: used });
      expect([status, json['error'], json['error_description']]).toEqual([
        400,
        'invalid_client',
        'The assertion has been used before',
      ]);
    }
    expect(started.auth.issued.filter((value) => value === first)).toHaveLength(1);
  });

  test('an assertion that met a fault is used up', async () => {
    const started = await start();
    started.server.faults.add({ route: 'token', do: { kind: 'answer', status: 503, body: '{}' } });
    const signed = await assertion(started);
    expect((await ask(started, { client_assertion: signed })).status).toBe(503);
    expect(started.auth.issued).toEqual([signed]);
    expect((await ask(started, { client_assertion: signed })).json['error']).toBe('invalid_client');
    expect((await ask(started)).status).toBe(200);
  });

  test('a critical header, and a key that is registered for another algorithm', async () => {
    const started = await start({ clients: [{ clientId: 'x', jwks: { keys: [{ ...ec.jwk, alg: 'ES256' }] } }] });
    const [header = '', claims = ''] = (await assertion(started)).split('.');
    const old = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
    const critical = Buffer.from(JSON.stringify({ ...old, crit: ['b64'], b64: true })).toString('base64url');
    const signed = `${critical}.${claims}`;
    // jose signs no header that it does not know.
    const key = KeyObject.from(ec.privateKey);
    const signature = sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    const other = await assertion(started, { claims: { iss: 'x', sub: 'x' } });
    for (const [bad, message] of [
      [`${signed}.${signature}`, /crit/],
      [other, /kid/],
    ] as const) {
      const { json } = await ask(started, { client_assertion: bad });
      expect(json).toMatchObject({
        error: 'invalid_client',
        error_description: expect.stringMatching(message) as string,
      });
    }
  });

  test('parameters do not belong in the URL of the token endpoint', async () => {
    const started = await start();
    const body = new URLSearchParams({ client_assertion: await assertion(started) }).toString();
    const url = `${started.auth.tokenUrl(started.server.baseUrl)}?scope=system/*.rs`;
    const { status, text } = await call(url, { method: 'POST', headers: formType, body });
    expect([status, text]).toEqual([400, expect.stringContaining('belong in the body')]);
  });

  test('one algorithm may be all that is accepted', async () => {
    const started = await start({ algorithms: ['RS384'] });
    const document = JSON.parse((await wellKnown(started)).text) as Record<string, unknown>;
    expect(document['token_endpoint_auth_signing_alg_values_supported']).toEqual(['RS384']);
    expect((await ask(started)).json['error']).toBe('invalid_client');
    const signed = await assertion(started, { key: rsa.privateKey, header: { alg: 'RS384', kid: 'rsa-1' } });
    expect((await ask(started, { client_assertion: signed })).status).toBe(200);
  });

  test('the registered jku, several clients, keys that change', async () => {
    const keys = [rsa.jwk];
    const jku = 'https://client.example/jwks.json';
    const started = await start({ jku, clients: [{ clientId: 'second', jwks: { keys } }] });
    const withJku = await assertion(started, { header: { jku } });
    expect((await ask(started, { client_assertion: withJku })).status).toBe(200);
    const second = async () => {
      const signed = await assertion(started, { claims: { iss: 'second', sub: 'second' } });
      return (await ask(started, { client_assertion: signed })).status;
    };
    expect(await second()).toBe(400);
    keys.push(ec.jwk);
    expect(await second()).toBe(200);
    expect(() => createAuthServer({ jwks: { keys: [{ ...ec.jwk, d: 'secret' }] } })).toThrow(/public/);
  });
});

describe('token requests', () => {
  const url = '/auth/token';
  test.each<[string, Record<string, string | null>, Call, number, string]>([
    ['another grant_type', { grant_type: 'authorization_code' }, {}, 400, 'unsupported_grant_type'],
    ['no grant_type', { grant_type: null }, {}, 400, 'invalid_request'],
    ['no scope', { scope: null }, {}, 400, 'invalid_request'],
    ['an empty scope', { scope: '' }, {}, 400, 'invalid_request'],
    ['a scope of a user', { scope: 'user/*.rs' }, {}, 400, 'invalid_scope'],
    ['letters out of order', { scope: 'system/*.sr' }, {}, 400, 'invalid_scope'],
    ['two spaces', { scope: 'system/*.rs  system/Group.rs' }, {}, 400, 'invalid_scope'],
    ['no client_assertion_type', { client_assertion_type: null }, {}, 400, 'invalid_request'],
    ['another client_assertion_type', { client_assertion_type: 'x' }, {}, 400, 'invalid_request'],
    ['no client_assertion', { client_assertion: null }, {}, 400, 'invalid_request'],
    ['no authentication', noAssertion, {}, 400, 'invalid_client'],
    ['the client_id of another', { client_id: 'other' }, {}, 400, 'invalid_client'],
    ['two ways', { client_secret: 'x' }, {}, 400, 'invalid_request'],
    ['JSON', {}, { headers: { 'content-type': 'application/json' } }, 400, 'invalid_request'],
    ['a repeated parameter', {}, { body: 'scope=a&scope=b' }, 400, 'invalid_request'],
    ['GET', {}, { method: 'GET', body: '' }, 405, 'invalid_request'],
  ])('%s', async (_name, fields, other, status, error) => {
    const started = await start();
    const answer = await ask(started, fields, other);
    expect([answer.status, answer.json['error']], answer.text).toEqual([status, error]);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(started.server.journal[0]).toMatchObject({ url, route: 'token' });
  });

  test.each<[string, AuthServerOptions, Record<string, unknown>]>([
    ['as text', { expiresIn: String }, { expires_in: '60' }],
    ['left out', { expiresIn: () => undefined }, {}],
    ['something else', { lifetime: 5, expiresIn: () => 1200 }, { expires_in: 1200 }],
    [
      'other members',
      { answer: (old) => ({ ...old, token_type: 'Bearer' }) },
      { expires_in: 60, token_type: 'Bearer' },
    ],
  ])('expires_in: %s', async (_name, options, members) => {
    const { json } = await ask(await start(options));
    const { access_token: _token, ...rest } = json;
    expect(rest).toEqual({ token_type: 'bearer', scope: 'system/*.rs', ...members });
  });

  test.each<[AuthServerOptions, string, string]>([
    [{}, 'system/*.read system/Patient.rs system/Group.cruds', 'system/*.read system/Patient.rs system/Group.cruds'],
    [{}, 'system/Observation.rs?category=laboratory', 'system/Observation.rs?category=laboratory'],
    [{ permission: ['permission-v1'] }, 'system/*.rs', 'invalid_scope'],
    [{ permission: ['permission-v2'] }, 'system/*.read', 'invalid_scope'],
    [{ scopesAllowed: () => ['system/Patient.rs'] }, 'system/*.rs', 'system/Patient.rs'],
    [{ scopesAllowed: () => 'invalid_scope' }, 'system/*.rs', 'invalid_scope'],
    [{ scopesAllowed: () => [] }, 'system/*.rs', 'invalid_scope'],
  ])('scopes: %o %s', async (options, scope, expected) => {
    const started = await start(options);
    const { json } = await ask(started, { scope });
    expect(json['scope'] ?? json['error']).toBe(expected);
    expect(started.auth.requests[0]).toMatchObject(json['error'] ? { scope } : { scope, granted: expected });
  });

  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
    ...formType,
  });
  const clientSecret = 'a: secret+&%ü';
  test('secrets by HTTP Basic and by form', async () => {
    const started = await start({ clientSecret });
    const byBasic = (secret: string) => ask(started, noAssertion, { headers: basic('demo-client', secret) });
    expect((await byBasic(clientSecret)).status).toBe(200);
    const refused = await byBasic('wrong');
    expect([refused.status, refused.json['error']]).toEqual([401, 'invalid_client']);
    expect(refused.headers['www-authenticate']).toMatch(/^Basic /);
    const byForm = (secret: string, client_id = 'demo-client') =>
      ask(started, { ...noAssertion, client_id, client_secret: secret });
    expect((await byForm(clientSecret)).status).toBe(200);
    expect((await byForm(clientSecret, 'other')).json['error']).toBe('invalid_client');
    const wrong = await byForm('wrong');
    expect([wrong.status, wrong.json['error']]).toEqual([400, 'invalid_client']);
    expect((await ask(started)).status).toBe(200);
    const methods = started.auth.requests.map(({ method }) => method?.slice(14));
    expect(methods).toEqual(['basic', 'basic', 'post', 'post', 'post', 't']);
    expect(JSON.parse((await wellKnown(started)).text)).toMatchObject({
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
    });
  });

  test('a client without a secret cannot come with one', async () => {
    const { json } = await ask(await start(), { ...noAssertion, client_id: 'demo-client', client_secret: 'undefined' });
    expect(json['error']).toBe('invalid_client');
  });
});

describe('the FHIR server', () => {
  test('wants a token for all but discovery, whatever the case of the scheme', async () => {
    const started = await start();
    const { server } = started;
    const none = await kickOff(started, {});
    expect([none.status, none.headers['www-authenticate']]).toEqual([401, 'Bearer realm="fhir"']);
    for (const authorization of ['Bearer abc', 'Basic abc', 'Bearer']) {
      expect((await kickOff(started, { authorization })).status).toBe(401);
    }
    const { authorization } = await bearer(started);
    expect((await kickOff(started, { authorization: authorization.replace('Bearer', 'bEARER') })).status).toBe(202);
    const { statusUrl = '' } = server.jobs()[0] ?? {};
    const accept = 'application/json';
    expect((await call(statusUrl, { headers: { accept } })).status).toBe(401);
    expect((await call(statusUrl, { headers: { accept, authorization } })).status).toBe(200);
    const file = server.expectedFiles()[0]?.url ?? '';
    expect((await call(file)).status).toBe(401);
    expect((await call(file, { headers: { authorization } })).status).toBe(200);
    expect((await call(`${server.baseUrl}/metadata`)).status).toBe(200);
    expect((await call(statusUrl, { method: 'DELETE' })).status).toBe(401);
    expect((await call(statusUrl, { method: 'DELETE', headers: { authorization } })).status).toBe(202);
  });

  test('expiry by the time and by the clock, and revocation', async () => {
    const started = await start({ lifetime: 1 });
    const short = await bearer(started);
    expect((await kickOff(started, short)).status).toBe(202);
    await sleep(1050);
    const expired = await kickOff(started, short);
    expect([expired.status, expired.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="fhir", error="invalid_token", error_description="The access token has expired"',
    ]);
    const revoked = await bearer(started);
    started.auth.revokeAll();
    const refused = await kickOff(started, revoked);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ]);
    const jumped = await bearer(started);
    started.auth.clockOffset += 10_000;
    expect((await kickOff(started, jumped)).status).toBe(401);
    expect((await kickOff(started, await bearer(started))).status).toBe(202);
  });

  test.each([-1, 1])('a clock that is wrong by %i hours', async (hours) => {
    const clockOffset = hours * 3_600_000;
    const started = await start({ clockOffset });
    const { headers, json } = await ask(started);
    expect(json['error']).toBe('invalid_client');
    const far = (date: unknown) => Math.abs(Date.parse(String(date)) - Date.now() - clockOffset);
    expect(far(headers['date'])).toBeLessThan(3000);
    const token = await bearer(started, 'system/*.rs', clockOffset);
    const started202 = await kickOff(started, token);
    expect(started202.status).toBe(202);
    expect(far(started202.headers['date'])).toBeLessThan(3000);
    for (const path of [smart(started.server.baseUrl), `${started.server.baseUrl}/metadata`]) {
      expect(far((await call(path)).headers['date'])).toBeLessThan(3000);
    }
    const url = started.server.jobs()[0]?.statusUrl ?? '';
    const manifest = await call(url, { headers: { ...token, accept: 'application/json' } });
    expect(far(manifest.headers['expires']) - 3_600_000).toBeLessThan(3000);
  });

  test.each<[scope: string, query: string, status: number]>([
    ['system/*.rs', '?_type=Patient,Condition', 202],
    ['system/*.read', '', 202],
    ['system/Patient.rs', '?_type=Patient', 202],
    ['system/Patient.r system/Patient.s', '?_type=Patient', 202],
    ['system/Patient.cruds system/Condition.*', '?_type=Patient,Condition', 202],
    ['system/Patient.rs', '?_type=Patient,Condition', 403],
    ['system/Patient.r', '?_type=Patient', 403],
    ['system/Patient.write', '?_type=Patient', 403],
    ['system/Immunization.rs', '', 403],
  ])('a kick-off with %s %s: %i', async (scope, query, status) => {
    const started = await start();
    const answer = await kickOff(started, await bearer(started, scope), query);
    expect(answer.status, answer.text).toBe(status);
    if (status === 202) return;
    expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
    expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'forbidden' }] });
    expect(started.server.jobs()).toEqual([]);
  });

  test.each<[AuthServerOptions, string]>([
    [{}, ''],
    [{ outOfScope: 'narrow' }, '?_type=Patient,Condition,Observation'],
  ])('an export is narrowed: %o', async (options, query) => {
    const started = await start(options);
    const token = await bearer(started, 'system/Patient.rs system/Condition.rs');
    expect((await kickOff(started, token, query)).status).toBe(202);
    await started.server.filesWritten();
    const [job] = started.server.jobs();
    expect(job?.request.types).toEqual(['Patient', 'Condition']);
    expect(job?.request.messages[0]?.text).toMatch(/^Left out for want of scope: .*Observation/);
    // What follows needs the scopes of all that was exported.
    const accept = 'application/json';
    const less = await bearer(started, 'system/Patient.rs');
    expect((await call(job?.statusUrl ?? '', { headers: { ...less, accept } })).status).toBe(403);
    expect((await call(job?.statusUrl ?? '', { headers: { ...token, accept } })).status).toBe(200);
    const file = started.server.expectedFiles()[0]?.url ?? '';
    expect((await call(file, { headers: less })).status).toBe(403);
    expect((await call(file, { headers: token })).status).toBe(200);
  });

  test('groups and attachments have scopes of their own', async () => {
    const started = await start();
    const { baseUrl } = started.server;
    const statusOf = async (path: string, scope: string) =>
      (await call(`${baseUrl}/${path}`, { headers: await bearer(started, scope) })).status;
    expect(await statusOf('Group', 'system/Group.rs')).toBe(200);
    expect(await statusOf('Group', 'system/Patient.rs')).toBe(403);
    expect(await statusOf('Binary/none', 'system/Binary.r')).toBe(404);
    expect(await statusOf('Binary/none', 'system/Patient.rs')).toBe(403);
  });

  test.each([true, false])('files of another origin, requiresAccessToken %s', async (requiresAccessToken) => {
    const started = await start({}, { filesOrigin: 'other', requiresAccessToken });
    const token = await bearer(started);
    expect((await kickOff(started, token, '?_type=Patient')).status).toBe(202);
    await started.server.filesWritten();
    const url = started.server.expectedFiles()[0]?.url ?? '';
    expect(url.startsWith(started.server.otherOrigin)).toBe(true);
    expect((await call(url, { headers: token })).status).toBe(requiresAccessToken ? 200 : 400);
    expect((await call(url)).status).toBe(requiresAccessToken ? 401 : 200);
  });

  test('HTTP Basic instead of tokens', async () => {
    const started = await start({ basic: { username: 'me', password: 'a:b' } });
    const header = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    expect((await kickOff(started, header('me:a:b'))).status).toBe(202);
    const refused = await kickOff(started, header('me:a'));
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Basic /)]);
    expect((await kickOff(started, {})).status).toBe(401);
    expect((await wellKnown(started)).status).toBe(404);
  });
});

test('command line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'auth-'));
  const jwks = join(folder, 'public.jwks.json');
  try {
    await writeFile(jwks, JSON.stringify({ keys: [ec.jwk] }));
    const values = { auth: 'backend', jwks, 'client-id': 'demo', 'token-lifetime': '7' };
    const auth = authServerFrom(values);
    const server = await startSampleServer({ patients: 5, ...(auth && { authorization: auth }) });
    running.push(server);
    const started = { auth: auth ?? createAuthServer(), server };
    const signed = await assertion(started, { claims: { iss: 'demo', sub: 'demo' } });
    expect((await ask(started, { client_assertion: signed })).json).toMatchObject({ expires_in: 7 });
    expect(authServerFrom({})).toBeUndefined();
    expect(() => authServerFrom({ jwks })).toThrow('--jwks needs --auth backend');
    expect(() => authServerFrom({ auth: 'backend' })).toThrow('--jwks or --client-secret');
    expect(() => authServerFrom({ ...values, 'token-lifetime': '0' })).toThrow('--token-lifetime');
    expect(() => authServerFrom({ auth: 'on' })).toThrow('none or backend');
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('discovery', () => {
  test.each(['smart', 'capability', 'none'] as const)('%s', async (discovery) => {
    const started = await start({ discovery }, { basePath: '/a/fhir/r4' });
    const { baseUrl } = started.server;
    const url = started.auth.tokenUrl(baseUrl);
    expect(url).toBe(`${new URL(baseUrl).origin}/auth/token`);
    const document = await wellKnown(started);
    expect(document.status).toBe(discovery === 'smart' ? 200 : 404);
    if (discovery === 'smart') {
      expect(document.headers['content-type']).toBe('application/json');
      expect(JSON.parse(document.text)).toEqual({
        token_endpoint: url,
        grant_types_supported: ['client_credentials'],
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
        scopes_supported: ['system/*.read', 'system/*.rs'],
        capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
      });
      expect((await call(`${new URL(baseUrl).origin}/.well-known/smart-configuration`)).status).not.toBe(200);
    }
    const metadata = await call(`${baseUrl}/metadata`);
    const { rest } = JSON.parse(metadata.text) as { rest: { security?: unknown }[] };
    expect(metadata.text.includes(url)).toBe(discovery === 'capability');
    if (discovery === 'capability') {
      expect(rest[0]?.security).toMatchObject({
        extension: [
          {
            url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
            extension: [{ url: 'token', valueUri: url }],
          },
        ],
      });
    }
  });
});

describe('faults', () => {
  test('reach the token endpoint and the SMART configuration', async () => {
    const started = await start();
    const { faults } = started.server;
    faults.add({ route: ['token', 'smartConfiguration'], times: 2, do: { kind: 'answer', status: 429, body: '{}' } });
    faults.add({ route: 'token', skip: 1, do: { kind: 'drop' } });
    faults.add({ route: 'smartConfiguration', skip: 1, do: { kind: 'headers', set: { date: 'yesterday' } } });
    faults.add({ route: 'smartConfiguration', skip: 2, do: { kind: 'delay', ms: 100 } });
    expect((await ask(started)).status).toBe(429);
    expect((await wellKnown(started)).status).toBe(429);
    await expect(ask(started)).rejects.toThrow();
    expect((await wellKnown(started)).headers['date']).toBe('yesterday');
    const before = Date.now();
    expect((await wellKnown(started)).status).toBe(200);
    expect(Date.now() - before).toBeGreaterThan(90);
    expect(started.auth.requests).toEqual([]);
    faults.add({ route: 'token', do: { kind: 'dropAfterEffect' } });
    await expect(ask(started)).rejects.toThrow();
    expect(started.auth.requests).toMatchObject([{ ok: true }]);
    faults.add({ route: 'token', do: { kind: 'redirect', to: 'same' } });
    const signed = await assertion(started);
    const { auth, server } = started;
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'system/*.rs',
      client_assertion: signed,
      client_assertion_type: jwtBearer,
    }).toString();
    const post = { method: 'POST', headers: formType, body } as const;
    const redirect = await call(auth.tokenUrl(server.baseUrl), post);
    expect(redirect.status).toBe(307);
    expect((await call(String(redirect.headers['location']), post)).status).toBe(200);
  });
});
