import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ServerClocks } from '../../src/auth/clock.ts';
import { discover } from '../../src/auth/discovery.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Answer, AnsweringServer } from '../support/answering-server.ts';
import { startAnswering } from '../support/answering-server.ts';

const WELL_KNOWN = '/r4/tenant/.well-known/smart-configuration';
const METADATA = '/r4/tenant/metadata';
const GIVEN = 'https://auth.example/token';

const http = new HttpClient({ headers: 300, body: 300 });
let server: AnsweringServer;
let clocks: ServerClocks;
let answers: Record<string, Answer>;

beforeAll(async () => {
  server = await startAnswering(({ url }) => answers[url] ?? { status: 404 });
});
beforeEach(() => {
  server.asked.length = 0;
  clocks = new ServerClocks();
  answers = {};
});
afterAll(async () => {
  await http.close();
  await server.close();
});

const find = (more: { baseUrl?: string; tokenUrl?: string } = {}) => {
  const rules = { trustedHeaders: {}, trustedOrigins: new Set([server.origin]), loopback: true };
  return discover(http, rules, clocks, { baseUrl: `${server.origin}/r4/tenant`, ...more });
};

const statement = (...urls: object[]): Answer => {
  const extension = [{ url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris', extension: urls }];
  return { body: { resourceType: 'CapabilityStatement', rest: [{}, { security: { extension } }] } };
};

describe('the token endpoint is found', () => {
  test('below the full base URL, with what else the server says', async () => {
    const body = {
      token_endpoint: 'https://auth.example:443/Token/',
      capabilities: ['permission-v1', 7],
      scopes_supported: ['system/*.read'],
      token_endpoint_auth_signing_alg_values_supported: ['ES384'],
    };
    answers[WELL_KNOWN] = { body };
    expect(await find()).toEqual({
      // To the letter: it becomes the audience of assertions.
      tokenUrl: body.token_endpoint,
      source: 'smart-configuration',
      capabilities: ['permission-v1'],
      scopesSupported: ['system/*.read'],
      algorithms: ['ES384'],
    });
    expect(server.asked.map(({ url }) => url)).toEqual([WELL_KNOWN]);
  });

  test.each([
    ['auth/token', '/r4/tenant/auth/token'],
    ['/auth/token', '/auth/token'],
  ])('relative to the base URL: %s', async (token_endpoint, path) => {
    answers[WELL_KNOWN] = { body: { token_endpoint } };
    expect((await find()).tokenUrl).toBe(`${server.origin}${path}`);
  });

  test.each<[string, Answer]>([
    ['absent', { status: 404 }],
    ['absent, said with 500', { status: 500 }],
    ['away', { status: 503 }],
    ['a redirect in a circle', { status: 302, headers: { Location: WELL_KNOWN } }],
    ['a redirect to where nobody may be sent', { status: 302, headers: { Location: 'ftp://a.example/' } }],
    ['a page', { body: '<html>' }],
    ['null', { body: 'null' }],
    ['without it', { body: { capabilities: [] } }],
    ['wrong', { body: { token_endpoint: 'https://' } }],
  ])('in the CapabilityStatement when the SMART configuration is %s', async (_, answer) => {
    answers[WELL_KNOWN] = answer;
    answers[METADATA] = statement({ url: 'authorize', valueUri: 'x' }, { url: 'token', valueUri: GIVEN });
    expect(await find()).toMatchObject({ tokenUrl: GIVEN, source: 'CapabilityStatement' });
  });

  test.each<[number, true | undefined]>([
    [404, undefined],
    [503, true],
    [429, true],
  ])('in the CapabilityStatement, with the rest unknown for now after %i', async (status, passing) => {
    answers[WELL_KNOWN] = { status };
    answers[METADATA] = statement({ url: 'token', valueUri: GIVEN });
    expect((await find()).passing).toBe(passing);
  });

  test('in the configuration, which the SMART configuration only adds to', async () => {
    answers[WELL_KNOWN] = { body: { token_endpoint: 'https://other.example/', capabilities: ['permission-v1'] } };
    const found = await find({ tokenUrl: GIVEN });
    expect(found).toMatchObject({ tokenUrl: GIVEN, source: 'configured', capabilities: ['permission-v1'] });
    expect(found.passing).toBeUndefined();
  });
});

test('looks below the whole base URL, passes over unknown fields, and resolves a relative endpoint', async () => {
  answers[WELL_KNOWN] = { body: { token_endpoint: 'auth/token', unheard_of: [1] } };
  const tokenUrl = `${server.origin}/r4/tenant/auth/token`;
  expect(await find()).toMatchObject({ tokenUrl, algorithms: [], capabilities: [] });
});

test('is not needed where the token endpoint is configured', async () => {
  expect(await find({ tokenUrl: GIVEN })).toMatchObject({ tokenUrl: GIVEN, source: 'configured' });
});

describe('with the token endpoint in the configuration', () => {
  test.each<[string, Answer, true | undefined]>([
    ['absent', { status: 404 }, undefined],
    ['away', { status: 503 }, true],
    ['a redirect to where nobody may be sent', { status: 302, headers: { Location: 'ftp://a.example/' } }, true],
  ])('a SMART configuration that is %s does no harm', async (_, answer, passing) => {
    answers[WELL_KNOWN] = answer;
    const found = await find({ tokenUrl: GIVEN });
    expect(found).toMatchObject({ tokenUrl: GIVEN, source: 'configured', algorithms: [] });
    expect(found.passing).toBe(passing);
  });

  test('a server that cannot be reached does no harm', async () => {
    expect(await find({ baseUrl: 'http://127.0.0.1:1', tokenUrl: GIVEN })).toMatchObject({ passing: true });
  });
});

describe('no token endpoint', () => {
  test('is a failure that says what to do', async () => {
    answers[METADATA] = statement({ url: 'register', valueUri: GIVEN });
    await expect(find()).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringMatching(/names no token endpoint.*set auth\.tokenUrl/),
    });
  });

  test.each([
    [503, 404],
    [404, 502],
    [429, 429],
  ])('may be a server that is away for a while: %d and %d', async (first, second) => {
    answers[WELL_KNOWN] = { status: first };
    answers[METADATA] = { status: second };
    await expect(find()).rejects.toMatchObject({
      name: 'NetworkError',
      message: expect.stringMatching(/HTTP (503|502|429)/),
    });
  });

  test('may be a server that cannot be reached', async () => {
    await expect(find({ baseUrl: 'http://127.0.0.1:1' })).rejects.toMatchObject({ name: 'NetworkError' });
  });
});

describe('the clock of the server', () => {
  const later = new Date(Date.now() + 600_000).toUTCString();
  test('is told by its answer', async () => {
    answers[WELL_KNOWN] = { headers: { Date: later }, body: { token_endpoint: GIVEN } };
    await find();
    expect(Math.abs(clocks.offset(server.origin) - 600_000)).toBeLessThan(5000);
  });

  test('is not told by an answer out of a cache', async () => {
    answers[WELL_KNOWN] = { headers: { Date: later, Age: '3600' }, body: { token_endpoint: GIVEN } };
    await find();
    expect(clocks.offset(server.origin)).toBe(0);
  });
});
