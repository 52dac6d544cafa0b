import { describe, expect, test } from 'vitest';
import type { AuthServerOptions } from '../../../../dev/sample-server/index.ts';
import { ask, formType, noAssertion, start, wellKnown, type Call } from './auth-servers.ts';

describe('token requests', () => {
  const url = '/auth/token';
  test.each<[string, Record<string, string | null>, Call, number, string]>([
    ['another grant_type', { grant_type: 'authorization_code' }, {}, 400, 'unsupported_grant_type'],
    ['no grant_type', { grant_type: null }, {}, 400, 'invalid_request'],
    ['no scope', { scope: null }, {}, 400, 'invalid_request'],
    ['an empty scope', { scope: '' }, {}, 400, 'invalid_request'],
    ['a scope of a user', { scope: 'user/*.rs' }, {}, 400, 'invalid_scope'],
    ['letters out of order', { scope: 'system/*.sr' }, {}, 400, 'invalid_scope'],
    ['two spaces', { scope: 'system/*.rs  system/Group.rs' }, {}, 400, 'invalid_scope'],
    ['no client_assertion_type', { client_assertion_type: null }, {}, 400, 'invalid_request'],
    ['another client_assertion_type', { client_assertion_type: 'x' }, {}, 400, 'invalid_request'],
    ['no client_assertion', { client_assertion: null }, {}, 400, 'invalid_request'],
    ['no authentication', noAssertion, {}, 400, 'invalid_client'],
    ['the client_id of another', { client_id: 'other' }, {}, 400, 'invalid_client'],
    ['two ways', { client_secret: 'x' }, {}, 400, 'invalid_request'],
    ['JSON', {}, { headers: { 'content-type': 'application/json' } }, 400, 'invalid_request'],
    ['a repeated parameter', {}, { body: 'scope=a&scope=b' }, 400, 'invalid_request'],
    ['GET', {}, { method: 'GET', body: '' }, 405, 'invalid_request'],
  ])('%s', async (_name, fields, other, status, error) => {
    const started = await start();
    const answer = await ask(started, fields, other);
    expect([answer.status, answer.json['error']], answer.text).toEqual([status, error]);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(started.server.journal[0]).toMatchObject({ url, route: 'token' });
  });

  test.each<[string, AuthServerOptions, Record<string, unknown>]>([
    ['as text', { expiresIn: String }, { expires_in: '60' }],
    ['left out', { expiresIn: () => undefined }, {}],
    ['something else', { lifetime: 5, expiresIn: () => 1200 }, { expires_in: 1200 }],
    [
      'other members',
      { answer: (old) => ({ ...old, token_type: 'Bearer' }) },
      { expires_in: 60, token_type: 'Bearer' },
    ],
  ])('expires_in: %s', async (_name, options, members) => {
    const { json } = await ask(await start(options));
    const { access_token: _token, ...rest } = json;
    expect(rest).toEqual({ token_type: 'bearer', scope: 'system/*.rs', ...members });
  });

  test.each<[AuthServerOptions, string, string]>([
    [{}, 'system/*.read system/Patient.rs system/Group.cruds', 'system/*.read system/Patient.rs system/Group.cruds'],
    [{}, 'system/Observation.rs?category=laboratory', 'system/Observation.rs?category=laboratory'],
    [{ permission: ['permission-v1'] }, 'system/*.rs', 'invalid_scope'],
    [{ permission: ['permission-v2'] }, 'system/*.read', 'invalid_scope'],
    [{ scopesAllowed: () => ['system/Patient.rs'] }, 'system/*.rs', 'system/Patient.rs'],
    [{ scopesAllowed: () => 'invalid_scope' }, 'system/*.rs', 'invalid_scope'],
    [{ scopesAllowed: () => [] }, 'system/*.rs', 'invalid_scope'],
  ])('scopes: %o %s', async (options, scope, expected) => {
    const started = await start(options);
    const { json } = await ask(started, { scope });
    expect(json['scope'] ?? json['error']).toBe(expected);
    expect(started.auth.requests[0]).toMatchObject(json['error'] ? { scope } : { scope, granted: expected });
  });

  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
    ...formType,
  });
  const clientSecret = 'a: secret+&%ü';
  test('secrets by HTTP Basic and by form', async () => {
    const started = await start({ clientSecret });
    const byBasic = (secret: string) => ask(started, noAssertion, { headers: basic('demo-client', secret) });
    expect((await byBasic(clientSecret)).status).toBe(200);
    const refused = await byBasic('wrong');
    expect([refused.status, refused.json['error']]).toEqual([401, 'invalid_client']);
    expect(refused.headers['www-authenticate']).toMatch(/^Basic /);
    const byForm = (secret: string, client_id = 'demo-client') =>
      ask(started, { ...noAssertion, client_id, client_secret: secret });
    expect((await byForm(clientSecret)).status).toBe(200);
    expect((await byForm(clientSecret, 'other')).json['error']).toBe('invalid_client');
    const wrong = await byForm('wrong');
    expect([wrong.status, wrong.json['error']]).toEqual([400, 'invalid_client']);
    expect((await ask(started)).status).toBe(200);
    const methods = started.auth.requests.map(({ method }) => method?.slice(14));
    expect(methods).toEqual(['basic', 'basic', 'post', 'post', 'post', 't']);
    expect(JSON.parse((await wellKnown(started)).text)).toMatchObject({
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
    });
  });

  test('a client without a secret cannot come with one', async () => {
    const { json } = await ask(await start(), { ...noAssertion, client_id: 'demo-client', client_secret: 'undefined' });
    expect(json['error']).toBe('invalid_client');
  });
});
