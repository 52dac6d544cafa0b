import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Authorized } from '../../src/fhir-server/authorize.ts';
import type { RefreshedToken } from '../../src/auth/server-authorization.ts';
import type { Config } from '../../src/config.ts';
import { refreshToken } from '../../src/activities/refresh-token.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { AnsweringServer } from '../support/answering-server.ts';
import { depsOf } from '../support/activity-deps.ts';
import { startAnswering } from '../support/answering-server.ts';
import { knownServer } from '../support/tls-servers.ts';

const http = new HttpClient();
let server: AnsweringServer;
let minted = 0;

beforeAll(async () => {
  process.env['REFUSED_TOKENS_SECRET'] = 'word';
  server = await startAnswering(({ url }) =>
    url === '/token'
      ? { body: { access_token: `token-${++minted}`, token_type: 'Bearer', expires_in: 60 } }
      : { status: 404 },
  );
});
afterAll(async () => {
  delete process.env['REFUSED_TOKENS_SECRET'];
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

test('a page instead of a token is waited for, unless the endpoint has never given one', async () => {
  const { answer } = server;
  const one = await worker();
  const { epoch } = (await one.authorization.refresh('b', 0)) as RefreshedToken;
  server.answer = () => ({ body: '<html>Maintenance</html>' });
  try {
    const other = await worker();
    const needed = { kind: 'tokenNeeded', refused: false, detail: expect.stringContaining('not JSON') };
    expect(await other.authorize({ epoch, scope: 'b' })).toMatchObject(needed);
    const config: Config = { servers: { one: one.config }, destinations: {} };
    const deps = depsOf(config, http);
    const input = { server: 'one', request: { level: 'system' }, scope: 'b' } as const;
    const refresh = (newerThan: number) =>
      new MockActivityEnvironment().run(refreshToken, deps, { ...input, newerThan });
    expect(await refresh(epoch)).toMatchObject({ kind: 'trouble', detail: expect.stringContaining('not JSON') });
    await expect(refresh(0)).rejects.toMatchObject({ code: 'AuthorizationFailed' });
  } finally {
    server.answer = answer;
  }
});
