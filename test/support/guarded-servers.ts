import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import {
  type AuthServer,
  type AuthServerOptions,
  createAuthServer,
  type JournalEntry,
  type SampleServer,
  type SampleServerOptions,
} from '../../dev/sample-server/index.ts';
import type { ServerConfig } from '../../src/config.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { makeKey, secretFile } from './keys.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';

const FAST: SampleServerOptions = {
  patients: 10,
  linesPerFile: 50,
  pollsUntilReady: 0,
  retryAfter: '1',
  requiresAccessToken: true,
};

const folder = await mkdtemp(join(tmpdir(), 'keys-'));
const [rsa, ec] = await Promise.all([makeKey('RS384', 'rsa-1'), makeKey('ES384', 'ec-1')]);
/** Registered with the authorization servers. */
export const jwks = { keys: [rsa.publicJwk, ec.publicJwk] };
export const secret = randomBytes(24).toString('base64url');
/** Files with the client's keys and secret. */
export const files = {
  rsaJwk: await secretFile(folder, 'rsa.jwk.json', rsa.privateJwk),
  rsaPem: await secretFile(folder, 'rsa.pem', rsa.pem),
  ecPem: await secretFile(folder, 'ec.pem', ec.pem),
  set: await secretFile(folder, 'set.jwks.json', { keys: [rsa.privateJwk, ec.publicJwk, ec.privateJwk] }),
  secret: await secretFile(folder, 'secret.txt', `${secret}\n`),
};
process.env['TEST_PRIVATE_KEY'] = JSON.stringify(ec.privateJwk);

export const backend = (privateKeyFile: string, more: object = {}): ServerConfig['auth'] => ({
  type: 'smart-backend',
  clientId: 'demo-client',
  privateKeyFile,
  ...more,
});

/**
 * Servers by name: their authorization server, how we are configured, other options of the FHIR server, and other fields
 * of its entry in the configuration.
 */
export type GuardedServers = Record<
  string,
  [AuthServerOptions, ServerConfig['auth'], SampleServerOptions?, Partial<ServerConfig>?]
>;

export let stack: Stack;
const authServers: Record<string, AuthServer> = {};
export const server = (name: string): SampleServer => stack.servers[name] as SampleServer;
export const auth = (name: string): AuthServer => authServers[name] as AuthServer;
/** Requests of some routes that a server has received in the running test. */
export const of = (name: string, ...routes: string[]): JournalEntry[] =>
  server(name).journal.filter(({ route }) => routes.includes(route));

/** Gives the tests of a file a stack with these servers. */
export function useGuardedServers(guarded: GuardedServers, limits?: Limits): void {
  beforeAll(async () => {
    const all = Object.entries(guarded);
    for (const [name, [options]] of all) authServers[name] = createAuthServer(options);
    stack = await startStack({
      limits,
      servers: Object.fromEntries(
        all.map(([name, [, , extra]]) => [name, { ...FAST, ...extra, authorization: auth(name) }]),
      ),
      entries: Object.fromEntries(all.map(([name, [, entry, , more]]) => [name, { ...more, auth: entry }])),
    });
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    for (const name of Object.keys(guarded)) {
      server(name).journal.length = 0;
      server(name).faults.clear();
      auth(name).requests.length = 0;
    }
  });
}
