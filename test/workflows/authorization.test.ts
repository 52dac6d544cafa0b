import { mkdtemp, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type AuthServer,
  type AuthServerOptions,
  createAuthServer,
  type Fault,
  type SampleServer,
  type SampleServerOptions,
} from '../../dev/sample-server/index.ts';
import type { ServerConfig } from '../../src/config.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const FAST: SampleServerOptions = {
  patients: 10,
  linesPerFile: 50,
  pollsUntilReady: 0,
  retryAfter: '1',
  requiresAccessToken: true,
};

const folder = await mkdtemp(join(tmpdir(), 'keys-'));
const [rsa, ec] = await Promise.all([makeKey('RS384', 'rsa-1'), makeKey('ES384', 'ec-1')]);
const jwks = { keys: [rsa.publicJwk, ec.publicJwk] };
const secret = randomBytes(24).toString('base64url');
const files = {
  rsaJwk: await secretFile(folder, 'rsa.jwk.json', rsa.privateJwk),
  rsaPem: await secretFile(folder, 'rsa.pem', rsa.pem),
  ecPem: await secretFile(folder, 'ec.pem', ec.pem),
  set: await secretFile(folder, 'set.jwks.json', { keys: [rsa.privateJwk, ec.publicJwk, ec.privateJwk] }),
  secret: await secretFile(folder, 'secret.txt', `${secret}\n`),
};
process.env['TEST_PRIVATE_KEY'] = JSON.stringify(ec.privateJwk);

const backend = (privateKeyFile: string, more: object = {}): ServerConfig['auth'] => ({
  type: 'smart-backend',
  clientId: 'demo-client',
  privateKeyFile,
  ...more,
});

const refusing =
  (...types: string[]): NonNullable<AuthServerOptions['scopesAllowed']> =>
  (asked) =>
    asked.some((scope) => types.some((type) => scope.includes(type))) ? 'invalid_scope' : asked;

/** Servers by name: their authorization server, how we are configured, and other options of the FHIR server. */
const SERVERS: Record<string, [AuthServerOptions, ServerConfig['auth'], SampleServerOptions?]> = {
  'RS384 from a JWK': [{ jwks }, backend(files.rsaJwk)],
  'RS384 from a PEM': [{ jwks }, backend(files.rsaPem, { keyId: 'rsa-1' })],
  'ES384 from a PEM': [{ jwks }, backend(files.ecPem, { keyId: 'ec-1' })],
  'ES384 from a set, because the server accepts nothing else': [{ jwks, algorithms: ['ES384'] }, backend(files.set)],
  'a key from the environment': [
    { jwks },
    { type: 'smart-backend', clientId: 'demo-client', privateKeyEnv: 'TEST_PRIVATE_KEY' },
  ],
  'a registered jku': [
    { jwks, jku: 'https://keys.example/jwks.json' },
    backend(files.rsaJwk, { jku: 'https://keys.example/jwks.json' }),
  ],
  'the token endpoint in the CapabilityStatement': [{ jwks, discovery: 'capability' }, backend(files.rsaJwk)],
  'scopes of SMART 1': [{ jwks, permission: ['permission-v1'] }, backend(files.rsaJwk)],
  'expires_in as text': [{ jwks, expiresIn: (life) => String(life) }, backend(files.rsaJwk)],
  'no expires_in': [{ jwks, expiresIn: () => undefined }, backend(files.rsaJwk)],
  'a clock that is 10 minutes ahead': [{ jwks, clockOffset: 600_000 }, backend(files.rsaJwk)],
  'a clock that is 10 minutes behind': [{ jwks, clockOffset: -600_000 }, backend(files.rsaJwk)],
  'HTTP Basic at the server': [
    { basic: { username: 'u', password: secret } },
    { type: 'basic', username: 'u', passwordFile: files.secret },
  ],
};

let stack: Stack;
const authServers: Record<string, AuthServer> = {};
const server = (name: string) => stack.servers[name] as SampleServer;
const auth = (name: string) => authServers[name] as AuthServer;

beforeAll(async () => {
  const slow = { throttleBytesPerSecond: 40_000, gzip: false, patients: 40 };
  const more: typeof SERVERS = {
    main: [{ jwks, lifetime: 300 }, backend(files.rsaJwk)],
    short: [{ jwks, lifetime: 4 }, backend(files.rsaJwk), slow],
    storage: [{ jwks }, backend(files.rsaJwk), { requiresAccessToken: false, filesOrigin: 'other' }],
    narrow: [
      { jwks, scopesAllowed: (asked) => asked.filter((scope) => !scope.includes('Observation')), outOfScope: 'narrow' },
      backend(files.rsaJwk),
    ],
    refusing: [{ jwks, scopesAllowed: () => 'invalid_scope' }, backend(files.rsaJwk)],
    // As the SMART reference server: a scope for a type that it does not have refuses all of them.
    'no Binary': [
      { jwks, lifetime: 3, scopesAllowed: refusing('Binary') },
      backend(files.rsaJwk),
      { pollsUntilReady: 4, requiresAccessToken: false },
    ],
    'no Binary, no Group': [{ jwks, scopesAllowed: refusing('Binary', 'Group') }, backend(files.rsaJwk)],
    configured: [{ jwks }, backend(files.rsaJwk, { scope: 'system/Patient.read' })],
    stranger: [{ jwks: { keys: [] } }, backend(files.rsaJwk)],
  };
  const all = Object.entries({ ...SERVERS, ...more });
  for (const [name, [options]] of all) authServers[name] = createAuthServer(options);
  stack = await startStack({
    servers: Object.fromEntries(
      all.map(([name, [, , extra]]) => [name, { ...FAST, ...extra, authorization: authServers[name] as AuthServer }]),
    ),
    entries: Object.fromEntries(all.map(([name, [, entry]]) => [name, { auth: entry }])),
  });
});
afterAll(async () => {
  await stack.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  for (const [name, one] of Object.entries(stack.servers)) {
    one.journal.length = 0;
    one.faults.clear();
    if (authServers[name] !== undefined) authServers[name].requests.length = 0;
  }
});

const of = (name: string, ...routes: string[]) => server(name).journal.filter(({ route }) => routes.includes(route));

describe('an export with', () => {
  test.concurrent.each(Object.keys(SERVERS))('%s', async (name) => {
    const report = await stack.run({ server: name });
    await expectExactFiles(report.location, server(name));
    expect(report.warnings).toEqual([]);
    expect(auth(name).requests.filter(({ ok }) => !ok).length).toBeLessThanOrEqual(name.includes('clock') ? 1 : 0);
    expect(auth(name).requests.length).toBeLessThanOrEqual(2);
  });
});

test('scopes are derived from the request: its types, and Group for a group', async () => {
  await stack.run({ server: 'main', level: 'group', groupId: 'diabetes', parameters: { _type: 'Patient,Condition' } });
  expect(auth('main').requests[0]?.scope).toBe('system/Patient.rs system/Condition.rs system/Group.rs');
});

test('a narrower scope is a warning that names the types', async () => {
  const report = await stack.run({ server: 'narrow', parameters: { _type: 'Patient,Observation' } });
  expect(report.warnings.find(({ code }) => code === 'ScopeNarrower')?.message).toContain('Not granted: Observation');
});

describe('a scope that is only asked for in case the server wants it', () => {
  const asked = (name: string) => auth(name).requests.map(({ scope }) => scope);

  test('is left out when the server refuses it, with a warning, and not asked for again at renewals', async () => {
    const parameters = { _type: 'DocumentReference' };
    const report = await stack.run({ server: 'no Binary', parameters, attachments: 'download' });
    const [first, ...others] = asked('no Binary');
    expect(first).toBe('system/DocumentReference.rs system/Binary.rs');
    expect(others.length).toBeGreaterThan(1);
    expect(new Set(others)).toEqual(new Set(['system/DocumentReference.rs']));
    expect(report.warnings).toEqual([
      { code: 'ScopeNarrower', message: expect.stringContaining('Unknown to the server, so not asked for: Binary.') },
    ]);
    expect(report.attachments).toMatchObject({ missing: 0 });
  });

  test('is one after the other: three requests at most', async () => {
    const name = 'no Binary, no Group';
    const report = await stack.run({
      server: name,
      level: 'group',
      groupId: 'diabetes',
      parameters: { _type: 'Patient' },
      attachments: 'download',
    });
    expect(asked(name)).toEqual([
      'system/Patient.rs system/Group.rs system/Binary.rs',
      'system/Patient.rs system/Group.rs',
      'system/Patient.rs',
    ]);
    expect(report.warnings).toEqual([
      { code: 'ScopeNarrower', message: expect.stringContaining('not asked for: Group, Binary.') },
    ]);
  });

  test('is none that the request names', async () => {
    const parameters = { _type: 'Patient,Binary' };
    const failure = await stack.fail({ server: 'no Binary', parameters, attachments: 'download' });
    expect(failure.code).toBe('AuthorizationFailed');
    expect(failure.message).toMatch(/asked for: system\/Patient\.rs system\/Binary\.rs/);
    expect(asked('no Binary')).toHaveLength(1);
  });
});

test('a configured scope that covers less than the request is a warning that names the types', async () => {
  const messages = async (parameters?: Record<string, string>) => {
    const request = {
      server: 'configured',
      level: 'patient',
      ...(parameters === undefined ? {} : { parameters }),
    } as const;
    const run = await stack.start(request);
    await run.result().catch(() => undefined);
    const { warnings } = await run.progress();
    return warnings.filter(({ code }) => code === 'ScopeNarrower').map(({ message }) => message);
  };
  expect(await messages({ _type: 'Patient' })).toEqual([]);
  expect(await messages({ _type: 'Patient,Observation' })).toEqual([
    expect.stringContaining('Not in the configured scope: Observation.'),
  ]);
  expect(await messages()).toEqual([expect.stringContaining('Not in the configured scope: all other types.')]);
});

describe('a refusal for good is AuthorizationFailed, with the server’s words', () => {
  test.each([
    ['stranger', /invalid_client/, 2],
    ['refusing', /invalid_scope.*asked for: system\/\*\.rs/, 1],
  ])('%s', async (name, detail, requests) => {
    const failure = await stack.fail({ server: name });
    expect(failure.code).toBe('AuthorizationFailed');
    expect(failure.message).toMatch(detail);
    expect(auth(name).requests).toHaveLength(requests);
    const ids = auth(name).requests.map((one) => one.jti);
    expect(new Set(ids).size).toBe(ids.length);
    expect(of(name, 'kickOff')).toHaveLength(0);
  });
});

describe('the token endpoint is away', () => {
  const away: [string, Fault][] = [
    ['503', { kind: 'answer', status: 503 }],
    ['429', { kind: 'answer', status: 429, headers: { 'Retry-After': '1' } }],
    ['dropped connections', { kind: 'drop' }],
  ];
  test.each(away)('for a while, %s', async (_, fault) => {
    auth('main').revokeAll();
    server('main').faults.add({ route: 'token', times: 2, do: fault });
    await expectExactFiles((await stack.run({ server: 'main' })).location, server('main'));
  });

  test('for long: AuthorizationFailed', async () => {
    auth('main').revokeAll();
    server('main').faults.add({ route: 'token', times: Infinity, do: { kind: 'answer', status: 503 } });
    expect(await stack.fail({ server: 'main' })).toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('HTTP 503'),
    });
  });
});

describe('a token that is refused', () => {
  test.each(['kickOff', 'status', 'delete'])('at the %s is renewed once', async (route) => {
    await stack.run({ server: 'main', parameters: { _type: 'Patient' } });
    auth('main').requests.length = 0;
    server('main').journal.length = 0;
    server('main').faults.add({
      route: route as 'status',
      do: { kind: 'answer', status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } },
    });
    const report = await stack.run({ server: 'main', parameters: { _type: 'Patient' } });
    expect(report.warnings).toEqual([]);
    expect(auth('main').requests).toHaveLength(1);
    expect(of('main', route)).toHaveLength(2);
    expect(new Set(of('main', route).map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  test('again and again ends the run, without DELETE', async () => {
    server('main').faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 401 } });
    expect((await stack.fail({ server: 'main' })).code).toBe('AuthorizationFailed');
    expect(of('main', 'status')).toHaveLength(2);
    expect(of('main', 'delete')).toHaveLength(0);
  });

  test('for its scope ends the run at once', async () => {
    server('main').faults.add({
      route: 'kickOff',
      times: Infinity,
      do: { kind: 'answer', status: 403, headers: { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' } },
    });
    expect((await stack.fail({ server: 'main' })).code).toBe('AuthorizationFailed');
    expect(of('main', 'kickOff')).toHaveLength(1);
  });

  test('by all files at once is renewed once', async () => {
    await stack.run({ server: 'main', parameters: { _type: 'Patient' } });
    auth('main').requests.length = 0;
    server('main').journal.length = 0;
    server('main').faults.add({ route: 'status', do: { kind: 'delay', ms: 1 } });
    server('main').faults.add({
      route: 'file',
      match: () => (auth('main').requests.length === 0 && auth('main').revokeAll(), false),
      times: Infinity,
      do: { kind: 'drop' },
    });
    const report = await stack.run({ server: 'main' });
    await expectExactFiles(report.location, server('main'));
    expect(of('main', 'file').filter(({ status }) => status === 401).length).toBeGreaterThan(1);
    expect(auth('main').requests.length).toBeLessThanOrEqual(2);
  });
});

test('short tokens over a long export: renewed before they end, not more often than needed', async () => {
  const before = Date.now();
  const report = await stack.run({ server: 'short' });
  const seconds = (Date.now() - before) / 1000;
  await expectExactFiles(report.location, server('short'));
  expect(seconds).toBeGreaterThan(6);
  // A token of 4 s is renewed when 2 s are left.
  expect(auth('short').requests.length).toBeLessThanOrEqual(Math.ceil(seconds / 2) + 1);
  expect(auth('short').requests.length).toBeGreaterThan(1);
  expect(of('short', 'file').filter(({ status }) => status === 401)).toEqual([]);
});

describe('where the token goes', () => {
  test('not to signed URLs on another origin', async () => {
    await expectExactFiles((await stack.run({ server: 'storage' })).location, server('storage'));
    expect(of('storage', 'file').every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(
      of('storage', 'kickOff', 'status', 'delete').every(({ headers }) => headers.authorization?.startsWith('Bearer ')),
    ).toBe(true);
  });

  test('not along a redirect to storage', async () => {
    server('main').faults.add({ route: 'file', times: Infinity, do: { kind: 'redirect', to: 'other' } });
    stack.config.servers['main']!.fileOrigins = [];
    const report = await stack.run({ server: 'main', parameters: { _type: 'Patient' } }).catch(() => undefined);
    void report;
    const redirected = of('main', 'file').filter(({ origin }) => origin === 'other');
    expect(redirected.length).toBeGreaterThan(0);
    expect(redirected.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    expect(
      of('main', 'file')
        .filter(({ origin }) => origin === 'same')
        .every(({ headers }) => headers.authorization !== undefined),
    ).toBe(true);
  });
});

test('two exports of one server and scope share a token', async () => {
  auth('main').revokeAll();
  const request = { server: 'main', parameters: { _type: 'Organization' } };
  await Promise.all([stack.run(request), stack.run(request), stack.run(request)]);
  expect(auth('main').requests.length).toBeLessThanOrEqual(2);
});
