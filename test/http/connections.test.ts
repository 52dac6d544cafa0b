import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { makeCertificates } from '../support/certificates.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import type { Origin } from '../support/tls-servers.ts';
import { ask, knownServer, serveTls } from '../support/tls-servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
const certificates = makeCertificates(folder);
const { ca, client } = certificates;
const MUTUAL = { caFile: ca, certFile: client.cert, keyFile: client.key };
const http = new HttpClient();

/** Names of the client certificates that came, one for each request. */
const seen = { fhir: [] as string[], storage: [] as string[], auth: [] as string[] };
let fhir: Origin;
let storage: Origin;
let auth: Origin;

const answer: RequestListener = (request, response) => {
  if (request.url === '/r4/.well-known/smart-configuration')
    response.end(JSON.stringify({ token_endpoint: `${auth.origin}/token` }));
  else if (request.url === '/token')
    response.end('{"access_token":"x","token_type":"Bearer","expires_in":60,"scope":"a"}');
  else if (request.url === '/away') response.writeHead(302, { Location: `${storage.origin}/file` }).end();
  else response.end('hello');
};

beforeAll(async () => {
  fhir = await serveTls(certificates, seen.fhir, answer, true);
  storage = await serveTls(certificates, seen.storage, answer, false);
  auth = await serveTls(certificates, seen.auth, answer, true);
});
beforeEach(() => {
  for (const names of Object.values(seen)) names.length = 0;
});
afterAll(async () => {
  await http.close();
  await Promise.all([fhir, storage, auth].map((server) => server.close()));
  rmSync(folder, { recursive: true });
});

describe('certificates of servers', () => {
  test('one that nobody known has signed for is refused, and nothing is sent', async () => {
    await expect(ask(http, `${storage.origin}/`, {})).rejects.toMatchObject({ name: 'NetworkError', maybeSent: false });
    expect(seen.storage).toEqual([]);
  });

  test('a private authority is trusted where it is configured, by address and by name', async () => {
    expect(await ask(http, `${storage.origin}/`, { tls: { caFile: ca } })).toBe('hello');
    const byName = `${storage.origin.replace('127.0.0.1', 'localhost')}/`;
    expect(await ask(http, byName, { tls: { caFile: ca } })).toBe('hello');
  });

  test('a private authority is not trusted for another server of the same worker', async () => {
    await ask(http, `${storage.origin}/`, { tls: { caFile: ca } });
    await expect(ask(http, `${storage.origin}/`, {})).rejects.toMatchObject({ name: 'NetworkError' });
  });
});

describe('the client certificate', () => {
  test('lets in where it is demanded', async () => {
    expect(await ask(http, `${fhir.origin}/`, { tls: MUTUAL })).toBe('hello');
    expect(seen.fhir).toEqual(['client']);
    await expect(ask(http, `${fhir.origin}/`, { tls: { caFile: ca } })).rejects.toMatchObject({ name: 'NetworkError' });
  });

  test('is shown to the origins of the configuration, and to no other, also along a redirect', async () => {
    expect(await ask(http, `${fhir.origin}/away`, { tls: MUTUAL })).toBe('hello');
    expect(await ask(http, `${fhir.origin}/away`, { tls: MUTUAL, fileOrigins: [storage.origin] })).toBe('hello');
    expect(seen).toMatchObject({ fhir: ['client', 'client'], storage: ['none', 'client'] });
  });

  test('is shown on a fresh connection, too', async () => {
    expect(await ask(http, `${fhir.origin}/`, { tls: MUTUAL }, { freshConnection: true })).toBe('hello');
    expect(seen.fhir).toEqual(['client']);
  });

  test('is shown to the token endpoint, wherever that is', async () => {
    const { privateJwk } = await makeKey('ES384', 'one');
    const privateKeyFile = await secretFile(folder, 'key.json', privateJwk);
    const { authorization, rules } = await knownServer(http, `${fhir.origin}/r4`, {
      tls: MUTUAL,
      auth: { type: 'smart-backend', clientId: 'me', privateKeyFile },
    });
    expect(await authorization.refresh('a', 0)).toMatchObject({ granted: 'a' });
    expect(seen).toMatchObject({ fhir: ['client'], auth: ['client'] });
    // Which makes it no place for tokens.
    expect(rules.trustedOrigins.has(auth.origin)).toBe(false);
  });
});

describe('a file of certificates', () => {
  test.each(['caFile', 'certFile', 'keyFile'] as const)('that is missing is named: %s', async (field) => {
    const tls = { ...MUTUAL, [field]: '/no/such/file.pem' };
    await expect(ask(http, `${fhir.origin}/`, { tls })).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: '/no/such/file.pem cannot be read (ENOENT)',
    });
  });

  test('that is none of its kind is a fault of the network that tells nothing of it', async () => {
    const wrong = await secretFile(folder, 'wrong.pem', 'correct-horse-battery');
    for (const tls of [
      { ...MUTUAL, keyFile: wrong },
      { ...MUTUAL, certFile: wrong },
    ]) {
      const error = await ask(http, `${fhir.origin}/`, { tls }).catch((caught: Error) => caught);
      expect(error).toMatchObject({ name: 'NetworkError' });
      expect((error as Error).message).not.toContain('horse');
    }
  });
});
