import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Authorized } from '../../src/fhir-server/authorize.ts';
import type { RefreshedToken } from '../../src/auth/server-authorization.ts';
import type { Config } from '../../src/config.ts';
import { refreshToken } from '../../src/activities/refresh-token.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { depsOf } from '../support/activity-deps.ts';
import { startAnswering } from '../support/answering-server.ts';
import { makeKey } from '../support/keys.ts';
import { knownServer } from '../support/tls-servers.ts';

const http = new HttpClient();
let server: AnsweringServer;
let minted = 0;

beforeAll(async () => {
  process.env['REFUSED_TOKENS_SECRET'] = 'word';
  process.env['REFUSED_TOKENS_KEY'] = JSON.stringify((await makeKey('ES384', 'ec-1')).privateJwk);
  server = await startAnswering(({ url }) =>
    url === '/token'
      ? { body: { access_token: `token-${++minted}`, token_type: 'Bearer', expires_in: 60 } }
      : { status: 404 },
  );
});
afterAll(async () => {
  delete process.env['REFUSED_TOKENS_SECRET'];
  delete process.env['REFUSED_TOKENS_KEY'];
  await http.close();
  await server.close();
});

/** The server as one worker knows it; each has tokens of its own. */
const worker = () =>
  knownServer(http, `${server.origin}/r4`, {
    auth: {
      type: 'client-secret',
      clientId: 'me',
      clientSecretEnv: 'REFUSED_TOKENS_SECRET',
      secretIn: 'basic',
      tokenUrl: `${server.origin}/token`,
    },
  });

test('after a refusal another worker does not offer its own token of before, but has a new one minted', async () => {
  const [one, other] = await Promise.all([worker(), worker()]);
  const { epoch } = (await one.authorization.refresh('a', 0)) as RefreshedToken;
  await sleep(5);
  await other.authorize({ epoch, scope: 'a' });
  expect(minted).toBe(2);
  await sleep(5);
  // The server forgets all tokens and refuses this request.
  const { epoch: refused } = (await one.authorize({ epoch, scope: 'a' })) as Extract<Authorized, { kind: 'token' }>;
  const renewed = (await other.authorization.refresh('a', refused)) as RefreshedToken;
  expect(minted).toBe(3);
  // Who was refused before that needs no further one.
  expect(await other.authorization.refresh('a', refused)).toMatchObject({ epoch: renewed.epoch });
  expect(minted).toBe(3);
});

test.each<[string, Answer, string]>([
  ['a page', { body: '<html>Maintenance</html>' }, 'not JSON'],
  ['a page that says that nothing is there', { status: 404, body: 'default backend - 404' }, 'HTTP 404'],
  ['a page that refuses', { status: 403, body: '<html>Blocked</html>' }, 'HTTP 403'],
  ['a redirect', { status: 302, headers: { location: '/maintenance' } }, 'HTTP 302'],
  ['a bare 400', { status: 400 }, 'HTTP 400'],
  [
    'JSON that is not of OAuth',
    { status: 404, body: { status: 404, error: 'Not Found', path: '/token' } },
    'Not Found',
  ],
  ['400 in the words of a framework', { status: 400, body: { status: 400, error: 'Bad Request' } }, 'Bad Request'],
  ['JSON without a token', { body: { status: 'down' } }, 'without an access_token'],
  ['200 with an error that is not of OAuth', { body: { error: 'Gateway Timeout' } }, 'Gateway Timeout'],
])('%s instead of a token is waited for, unless the endpoint has never given one', async (_, instead, words) => {
  const { answer } = server;
  const one = await worker();
  const { epoch } = (await one.authorization.refresh('b', 0)) as RefreshedToken;
  server.answer = () => instead;
  try {
    const other = await worker();
    const needed = { kind: 'tokenNeeded', refused: false, detail: expect.stringContaining(words) };
    expect(await other.authorize({ epoch, scope: 'b' })).toMatchObject(needed);
    const config: Config = { servers: { one: one.config }, destinations: {} };
    const deps = depsOf(config, http);
    const input = { server: 'one', request: { level: 'system' }, scope: 'b' } as const;
    const refresh = (newerThan: number) =>
      new MockActivityEnvironment().run(refreshToken, deps, { ...input, newerThan });
    expect(await refresh(epoch)).toMatchObject({ kind: 'trouble', detail: expect.stringContaining(words) });
    await expect(refresh(0)).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  } finally {
    server.answer = answer;
  }
});

test('a secret that is away while somebody replaces it is waited for', async () => {
  const one = await worker();
  const { epoch } = (await one.authorization.refresh('e', 0)) as RefreshedToken;
  vi.stubEnv('REFUSED_TOKENS_SECRET', undefined);
  try {
    const other = await worker();
    const needed = { kind: 'tokenNeeded', refused: false, detail: expect.stringContaining('is not set') };
    expect(await other.authorize({ epoch, scope: 'e' })).toMatchObject(needed);
    await expect(other.authorization.refresh('e', 0)).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  } finally {
    vi.unstubAllEnvs();
  }
  expect(await (await worker()).authorize({ epoch, scope: 'e' })).toMatchObject({ kind: 'token' });
});

test.each([200, 400, 401])('a refusal in the words of OAuth is final, whatever it gave before: %i', async (status) => {
  const { answer } = server;
  const one = await worker();
  const { epoch } = (await one.authorization.refresh('c', 0)) as RefreshedToken;
  server.answer = () => ({ status, body: { error: 'invalid_client' } });
  try {
    const other = await worker();
    await expect(other.authorize({ epoch, scope: 'c' })).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  } finally {
    server.answer = answer;
  }
});

test('a token endpoint that is known is used on while the server does not say where it is', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const { answer } = server;
  const endpoint = { body: { token_endpoint: `${server.origin}/token` } };
  let discovery: Answer = endpoint;
  server.answer = (asked) => (asked.url.includes('smart-configuration') ? discovery : answer(asked));
  const auth = { type: 'smart-backend', clientId: 'me', privateKeyEnv: 'REFUSED_TOKENS_KEY' } as const;
  const discovering = () => knownServer(http, `${server.origin}/r4`, { auth });
  try {
    const one = await discovering();
    const { epoch } = (await one.authorization.refresh('d', 0)) as RefreshedToken;
    discovery = { status: 500 };
    vi.setSystemTime(Date.now() + 2 * 3_600_000);
    const next = await one.authorization.refresh('d', epoch);
    expect(next).toMatchObject({ kind: 'refreshed' });
    // A worker that has never known it waits, as long as the server has given a token before.
    const needed = { kind: 'tokenNeeded', refused: false, detail: expect.stringContaining('no token endpoint') };
    expect(await (await discovering()).authorize({ epoch, scope: 'd' })).toMatchObject(needed);
    discovery = endpoint;
    vi.setSystemTime(Date.now() + 61_000);
    expect(await one.authorization.smart()).not.toHaveProperty('passing');
  } finally {
    server.answer = answer;
    vi.useRealTimers();
  }
});
