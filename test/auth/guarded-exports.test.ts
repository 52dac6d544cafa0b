import { describe, expect, test } from 'vitest';
import { expectExactFiles } from '../support/exported-files.ts';
import { auth, backend, files, jwks, secret, server, stack, useGuardedServers } from '../support/guarded-servers.ts';
import type { GuardedServers } from '../support/guarded-servers.ts';

const SERVERS: GuardedServers = {
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

useGuardedServers(SERVERS);

describe('an export with', () => {
  test.concurrent.each(Object.keys(SERVERS))('%s', async (name) => {
    const report = await stack.run({ server: name });
    await expectExactFiles(report.location, server(name));
    expect(report.warnings).toEqual([]);
    expect(auth(name).requests.filter(({ ok }) => !ok).length).toBeLessThanOrEqual(name.includes('clock') ? 1 : 0);
    expect(auth(name).requests.length).toBeLessThanOrEqual(2);
  });
});
