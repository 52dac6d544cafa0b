import { readFileSync } from 'node:fs';
import type { JSONWebKeySet } from 'jose';
import { createAuthServer, type AuthServer } from './index.ts';

/** Help for {@link authOptionTypes}. */
export const authHelp = `  --auth none|backend         backend: SMART Backend Services; default none
  --jwks FILE                 public keys of the client, a JWK Set
  --client-id ID              default demo-client
  --client-secret TEXT        for clients without keys
  --token-lifetime SECONDS    default 60`;

/** Command line options of the authorization server, as `parseArgs` takes them. */
export const authOptionTypes = {
  auth: { type: 'string' },
  jwks: { type: 'string' },
  'client-id': { type: 'string' },
  'client-secret': { type: 'string' },
  'token-lifetime': { type: 'string' },
} as const;

/** Makes the authorization server that the command line asks for; none without `--auth backend`. */
export function authServerFrom(values: { [name in keyof typeof authOptionTypes]?: string }): AuthServer | undefined {
  const { auth = 'none', jwks, 'client-id': clientId, 'client-secret': clientSecret } = values;
  if (auth !== 'none' && auth !== 'backend') throw new Error('--auth needs none or backend');
  const others = Object.entries(values).filter(([name]) => name !== 'auth' && Object.hasOwn(authOptionTypes, name));
  if (auth === 'none') {
    if (others[0] !== undefined) throw new Error(`--${others[0][0]} needs --auth backend`);
    return undefined;
  }
  if (jwks === undefined && clientSecret === undefined)
    throw new Error('--auth backend needs --jwks or --client-secret');
  const lifetime = Number(values['token-lifetime'] ?? '60');
  if (!Number.isInteger(lifetime) || lifetime < 1) throw new Error('--token-lifetime needs a whole number of seconds');
  return createAuthServer({
    lifetime,
    ...(jwks !== undefined && { jwks: readJwks(jwks) }),
    ...(clientId !== undefined && { clientId }),
    ...(clientSecret !== undefined && { clientSecret }),
  });
}

function readJwks(path: string): JSONWebKeySet {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<JSONWebKeySet>;
  if (!Array.isArray(value.keys)) throw new Error(`${path} is not a JWK Set, {"keys": [...]}`);
  return { keys: value.keys };
}
