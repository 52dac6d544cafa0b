import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { authorizationOf, startAnswering } from '../support/answering-server.ts';
import { makeKey, secretFile } from '../support/keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'authorization-'));
const [rsa, ec] = await Promise.all([makeKey('RS384', 'rsa'), makeKey('ES384', 'ec')]);
const rsaFile = await secretFile(folder, 'rsa.json', rsa.privateJwk);
const bothFile = await secretFile(folder, 'both.json', { keys: [rsa.privateJwk, ec.privateJwk] });
const SECRET = await secretFile(folder, 'secret', 'word');
const SMART = '/r4/.well-known/smart-configuration';

const http = new HttpClient();
let server: AnsweringServer;
let smart: () => Answer;
let minted: number;

beforeAll(async () => {
  server = await startAnswering(({ url }) => {
    if (url === SMART) return smart();
    const body = { access_token: `token-${++minted}`, token_type: 'Bearer', expires_in: 60, scope: 'a' };
    return url === '/token' ? { body } : { status: 404 };
  });
});
beforeEach(() => {
  server.asked.length = 0;
  minted = 0;
  smart = () => ({ body: { token_endpoint: `${server.origin}/token` } });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await http.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

const asked = (url: string) => server.asked.filter((one) => one.url === url);
const authorization = (auth: Parameters<typeof authorizationOf>[1]) =>
  authorizationOf(`${server.origin}/r4`, auth, http);
const backend = (privateKeyFile = rsaFile, more: { tokenUrl?: string } = {}) =>
  authorization({ type: 'smart-backend', clientId: 'me', privateKeyFile, ...more });
const secretClient = () =>
  authorization({
    type: 'client-secret',
    clientId: 'me',
    clientSecretFile: SECRET,
    secretIn: 'basic',
    tokenUrl: `${server.origin}/token`,
  });

describe('a server with tokens', () => {
  test.each([
    ['smart-backend', backend],
    ['client-secret', secretClient],
  ])('%s: one token request, however many ask at the same time', async (_, make) => {
    const one = make();
    const answers = await Promise.all(Array.from({ length: 20 }, () => one.authorize({ epoch: 1, scope: 'a' })));
    expect(new Set(answers.map((answer) => (answer as { value: string }).value))).toEqual(new Set(['Bearer token-1']));
    expect(asked('/token')).toHaveLength(1);
  });

  test('what a refresh tells has an end and a scope, and no token', async () => {
    const refreshed = await backend().refresh('a', 5);
    expect(refreshed).toEqual({
      kind: 'refreshed',
      epoch: expect.any(Number),
      expiresIn: expect.any(Number),
      lifetime: 60_000,
      granted: 'a',
    });
    expect(JSON.stringify(refreshed)).not.toContain('token-1');
  });

  test('headers of the FHIR server are not for its token endpoint', async () => {
    await backend().refresh('a', 0);
    expect(asked(SMART)[0]?.headers['x-own']).toBe('of the FHIR server');
    expect(asked('/token')[0]?.headers['x-own']).toBeUndefined();
  });

  test('a key of a set is chosen by what the server accepts', async () => {
    expect((await backend(bothFile).signer?.(['ES384']))?.keyId).toBe('ec');
    expect((await backend(bothFile).signer?.([]))?.keyId).toBe('rsa');
    await expect(backend().signer?.(['ES384'])).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: 'the key is for RS384, the server accepts ES384',
    });
  });

  test('a key that is replaced is used at the next request', async () => {
    const file = await secretFile(folder, 'replaced.json', rsa.privateJwk);
    const one = backend(file);
    expect((await one.signer?.([]))?.keyId).toBe('rsa');
    writeFileSync(file, JSON.stringify(ec.privateJwk));
    expect((await one.signer?.([]))?.keyId).toBe('ec');
  });
});

describe('the SMART configuration', () => {
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

  test('is read once an hour', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const one = backend();
    for (let minute = 0; minute < 90; minute++) {
      await one.smart();
      pass(60_000);
    }
    expect(asked(SMART)).toHaveLength(2);
  });

  test('is read once by all who want it at the same time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const one = backend();
    for (const readings of [1, 2]) {
      const all = await Promise.all(Array.from({ length: 20 }, () => one.smart()));
      expect(new Set(all).size).toBe(1);
      expect(asked(SMART)).toHaveLength(readings);
      pass(3_600_001);
    }
  });

  test('is read again after a minute when the server was away, so that its scopes and algorithms become known', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const one = backend(rsaFile, { tokenUrl: `${server.origin}/token` });
    const known = smart;
    smart = () => ({ status: 503 });
    await one.smart();
    await one.smart();
    expect(asked(SMART)).toHaveLength(1);
    smart = () => ({ body: { ...(known().body as object), capabilities: ['permission-v1'] } });
    pass(61_000);
    expect((await one.smart()).capabilities).toEqual(['permission-v1']);
  });
});

describe('a server without tokens of its own', () => {
  test('basic: name and password, read when they are needed', async () => {
    const file = await secretFile(folder, 'password', 'pässword:1\n');
    const one = authorization({ type: 'basic', username: 'me', passwordFile: file });
    const value = `Basic ${Buffer.from('me:pässword:1').toString('base64')}`;
    expect(await one.authorize({ epoch: 3, scope: '' })).toEqual({ kind: 'authorized', value, epoch: 3 });
  });

  test('bearer: a new epoch has the file read again', async () => {
    const file = await secretFile(folder, 'token', 'one\n');
    const one = authorization({ type: 'bearer', tokenFile: file });
    expect(await one.authorize({ epoch: 3, scope: '' })).toEqual({ kind: 'authorized', value: 'Bearer one', epoch: 3 });
    writeFileSync(file, 'other\n');
    const later = await one.refresh('', 3);
    expect(later).toEqual({ kind: 'refreshed', epoch: expect.any(Number), isRenewed: true });
    expect(await one.authorize({ epoch: 4, scope: '' })).toEqual({
      kind: 'authorized',
      value: 'Bearer other',
      epoch: 4,
    });
    const ahead = Date.now() + 1e9;
    expect(await one.refresh('', ahead)).toEqual({ kind: 'refreshed', epoch: ahead + 1, isRenewed: true });
  });

  test.each(['a b', 'a\nb', 'a\n\n', 'ä'])('bearer: %j is no token, said without it', async (text) => {
    const file = await secretFile(folder, 'no-token', text);
    const one = authorization({ type: 'bearer', tokenFile: file });
    await expect(one.authorize({ epoch: 1, scope: '' })).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: `${file} holds no token: there are spaces, line breaks or other letters that a header cannot carry`,
    });
  });
});
