import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ServerConfig } from '../../src/config.ts';
import type { Answered, FhirServer, SendResult } from '../../src/fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../../src/fhir-server/token-needed.ts';
import { tokenForFile } from '../../src/fhir-server/who-gets-the-token.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';
import { knownServer } from '../support/tls-servers.ts';

const TOKEN = { epoch: 7, scope: '' };
const BEARER: ServerConfig['auth'] = { type: 'bearer', tokenEnv: 'TOKEN_OF_THIS_TEST' };

const http = new HttpClient();
let origin: AnsweringServer;
let elsewhere: AnsweringServer;
let answers: Record<string, Answer>;

beforeAll(async () => {
  origin = await startAnswering(({ url }) => answers[url] ?? { status: 404 });
  elsewhere = await startAnswering(() => ({ status: 403 }));
});
beforeEach(() => {
  vi.stubEnv('TOKEN_OF_THIS_TEST', 'word');
  answers = {};
  for (const server of [origin, elsewhere]) server.asked.length = 0;
});
afterEach(() => {
  vi.unstubAllEnvs();
});
afterAll(async () => {
  await http.close();
  await Promise.all([origin.close(), elsewhere.close()]);
});

const serverWith = (auth: ServerConfig['auth'] = BEARER): Promise<FhirServer> =>
  knownServer(http, `${origin.origin}/r4`, { auth });

/** Sends a request as an activity does. */
const send = (server: FhirServer, url: string, token = TOKEN): Promise<SendResult | TokenNeeded> =>
  new MockActivityEnvironment().run(() => server.send({ what: 'status', method: 'GET', url, headers: {} }, token));

describe('a request', () => {
  test('carries the token of its epoch', async () => {
    answers['/status'] = { status: 202 };
    const sent = await send(await serverWith(), `${origin.origin}/status`);
    expect(sent).toMatchObject({ kind: 'answered', response: { status: 202 }, authorized: { kind: 'token' } });
    expect(origin.asked.map(({ headers }) => headers['authorization'])).toEqual(['Bearer word']);
  });

  test('carries nothing where the server has no authorization', async () => {
    const sent = await send(await serverWith({ type: 'none' }), `${origin.origin}/status`);
    expect(sent).toMatchObject({ kind: 'answered', authorized: { kind: 'open' } });
    expect(origin.asked.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
  });

  test('is not sent without a token: the workflow is asked for another', async () => {
    const server = await serverWith({
      type: 'client-secret',
      clientId: 'me',
      clientSecretEnv: 'TOKEN_OF_THIS_TEST',
      secretIn: 'basic',
      tokenUrl: `${origin.origin}/token`,
    });
    answers['/token'] = { status: 503 };
    expect(await send(server, `${origin.origin}/status`)).toMatchObject({
      kind: 'tokenNeeded',
      epoch: 7,
      refused: false,
      detail: expect.stringContaining('HTTP 503') as string,
    });
    expect(origin.asked.map(({ url }) => url)).not.toContain('/status');
  });

  test('that nobody receives is not sent', async () => {
    expect(await send(await serverWith(), 'http://127.0.0.1:1/status')).toMatchObject({
      kind: 'unreachable',
      maybeSent: false,
    });
  });

  test('to an address that must not be asked is not sent', async () => {
    expect(await send(await serverWith(), 'https://169.254.169.254/status')).toMatchObject({ kind: 'refusedUrl' });
  });
});

describe('a refusal', () => {
  const refusal = async (server: FhirServer, url: string): Promise<TokenNeeded> =>
    server.refusal((await send(server, url)) as Answered, 'it was refused: HTTP 401');

  test('asks for a token newer than the one that was sent', async () => {
    answers['/status'] = { status: 401 };
    const before = Date.now();
    const needed = await refusal(await serverWith(), `${origin.origin}/status`);
    expect(needed).toMatchObject({ kind: 'tokenNeeded', refused: true, detail: 'it was refused: HTTP 401' });
    // Tokens that another worker obtained before the refusal are of no use.
    expect(needed.epoch).toBeGreaterThanOrEqual(before);
  });

  test('for its scope is final: another token would not have a wider one', async () => {
    answers['/status'] = { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } };
    await expect(refusal(await serverWith(), `${origin.origin}/status`)).rejects.toMatchObject({
      code: 'AuthorizationFailed',
    });
  });

  test('is final where there is no token', async () => {
    answers['/status'] = { status: 401 };
    await expect(refusal(await serverWith({ type: 'none' }), `${origin.origin}/status`)).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: 'it was refused: HTTP 401',
    });
  });

  test('by an origin that the configuration does not name says that no token was sent', async () => {
    const needed = await refusal(await serverWith(), `${elsewhere.origin}/status`);
    expect(needed.detail).toContain(`no token was sent: ${elsewhere.origin} is not an origin of the configuration`);
    expect(elsewhere.asked.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
  });
});

describe('what the server declares', () => {
  const definition = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export|2.0.0';
  const operation = [{ name: 'export', definition }];
  const statement = { resourceType: 'CapabilityStatement', rest: [{ operation }] };

  test('is read below the base URL', async () => {
    answers['/r4/metadata'] = { body: statement };
    expect(await (await serverWith()).capability('system')).toEqual({
      operation: 'export',
      declared: true,
      version: 2,
    });
    expect(origin.asked.map(({ headers }) => headers['authorization'])).toEqual([undefined]);
  });

  test.each<[string, Answer]>([
    ['missing', { status: 404 }],
    ['unavailable', { status: 503 }],
    ['not JSON', { body: 'hello' }],
    ['another document', { body: { resourceType: 'Patient' } }],
  ])('is nothing where the statement is %s', async (_, answer) => {
    answers['/r4/metadata'] = answer;
    expect(await (await serverWith()).capability('system')).toBeUndefined();
  });

  test('is nothing where the server is unreachable', async () => {
    const server = await knownServer(http, 'http://127.0.0.1:1/r4', {});
    expect(await server.capability('system')).toBeUndefined();
  });
});

describe('a file gets the token', () => {
  const trusted = new Set(['https://a.example']);
  const tokenFor = (
    needsToken: boolean,
    requiresAccessToken: 'believe' | 'always' | 'never',
    { url = 'https://a.example/f', kind = 'output' }: Partial<Entry> = {},
  ): unknown => tokenForFile({ needsToken, url, kind }, TOKEN, { requiresAccessToken }, trusted);

  test('only where its manifest page says that it needs it', () => {
    expect(tokenFor(true, 'believe')).toBe(TOKEN);
    expect(tokenFor(false, 'believe')).toBeUndefined();
  });

  test('always, at origins of the configuration, where the manifest is known to be wrong', () => {
    expect(tokenFor(false, 'always')).toBe(TOKEN);
    expect(tokenFor(false, 'always', { url: 'https://b.example/f' })).toBeUndefined();
  });

  test('never where files are known to need none; attachments are no such files', () => {
    expect(tokenFor(true, 'never')).toBeUndefined();
    expect(tokenFor(true, 'never', { kind: 'attachment' })).toBe(TOKEN);
    expect(tokenFor(false, 'never', { kind: 'attachment' })).toBeUndefined();
  });
});
