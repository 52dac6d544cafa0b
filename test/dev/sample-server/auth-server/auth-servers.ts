import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { request } from 'undici';
import { afterEach, beforeAll, expect } from 'vitest';
import {
  createAuthServer,
  startSampleServer,
  type AuthServer,
  type AuthServerOptions,
  type SampleServer,
  type SampleServerOptions,
} from '../../../../dev/sample-server/index.ts';

export type Pair = { privateKey: CryptoKey; jwk: JWK };
export let rsa: Pair;
export let ec: Pair;
export let stranger: Pair;
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

export type Started = { auth: AuthServer; server: SampleServer };

export async function start(auth: AuthServerOptions = {}, options: SampleServerOptions = {}): Promise<Started> {
  return startWith(createAuthServer({ jwks: { keys: [rsa.jwk, ec.jwk] }, ...auth }), options);
}

export async function startWith(auth: AuthServer, options: SampleServerOptions = {}): Promise<Started> {
  const fixed = { authorization: auth, patients: 5, pollsUntilReady: 0, requiresAccessToken: true };
  const server = await startSampleServer({ ...fixed, ...options });
  running.push(server);
  return { auth, server };
}

export type Call = { method?: 'GET' | 'POST' | 'DELETE'; headers?: Record<string, string>; body?: string };

export async function call(url: string, { method = 'GET', headers = {}, body }: Call = {}) {
  const response = await request(url, { method, headers, body: body ?? null });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

export type Assertion = {
  key?: CryptoKey | Uint8Array;
  header?: Record<string, unknown>;
  claims?: Record<string, unknown>;
  /** Milliseconds by which the client's clock is ahead. */
  clock?: number;
};

/** A valid assertion, except for the given members; those that are undefined are left out. */
export async function assertion({ auth, server }: Started, { key, header, claims, clock = 0 }: Assertion = {}) {
  const exp = Math.floor((Date.now() + clock) / 1000) + 240;
  const [iss, aud] = ['demo-client', auth.tokenUrl(server.baseUrl)];
  const payload: Record<string, unknown> = { iss, sub: iss, aud, exp, jti: randomUUID(), ...claims };
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'ES384', kid: 'ec-1', typ: 'JWT', ...header })
    .sign(key ?? ec.privateKey);
}

export const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const formType = { 'content-type': 'application/x-www-form-urlencoded' };

/** Requests a token; fields that are null are left out. */
export async function ask(started: Started, fields: Record<string, string | null> = {}, other: Call = {}) {
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

export async function bearer(started: Started, scope = 'system/*.rs', clock = 0): Promise<{ authorization: string }> {
  const { status, json, text } = await ask(started, { scope, client_assertion: await assertion(started, { clock }) });
  expect(status, text).toBe(200);
  return { authorization: `Bearer ${String(json['access_token'])}` };
}

export async function kickOff({ server }: Started, headers: Record<string, string>, query = '') {
  const fixed = { accept: 'application/fhir+json', prefer: 'respond-async' };
  return call(`${server.baseUrl}/Patient/$export${query}`, { headers: { ...fixed, ...headers } });
}

export const smart = (base: string) => `${base}/.well-known/smart-configuration`;
export const wellKnown = async ({ server }: Started) => call(smart(server.baseUrl));
export const noAssertion = { client_assertion: null, client_assertion_type: null };
