import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codecServer } from '../../src/codec/codec-server.ts';
import { codecServerSettings } from '../../src/codec/codec-server-settings.ts';
import { EncryptionCodec } from '../../src/codec/encryption-codec.ts';
import { listenOnLoopback } from '../support/listen.ts';

const TOKEN = 'a-token-of-the-platform-team';
const UI = 'https://temporal.example';
const codec = new EncryptionCodec([{ id: 'one', key: randomBytes(32) }]);
const text = (value: string): string => Buffer.from(value).toString('base64');
const PAYLOAD = { metadata: { encoding: text('json/plain') }, data: text('{"patient":"Patient/4711"}') };

let guarded: string;
let open: string;
const servers: Server[] = [];

beforeAll(async () => {
  servers.push(codecServer({ codec, origin: UI, token: TOKEN }), codecServer({ codec }));
  const [first, second] = await Promise.all(servers.map(listenOnLoopback));
  guarded = `http://127.0.0.1:${first}`;
  open = `http://127.0.0.1:${second}`;
});
afterAll(() => servers.forEach((server) => server.close()));

const authorization = { Authorization: `Bearer ${TOKEN}` };
const json = { 'Content-Type': 'application/json' };

/** As the CLI of Temporal sends it. */
function post(url: string, body: string | object, headers: Record<string, string> = authorization): Promise<Response> {
  const content = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url, { method: 'POST', headers: { ...json, 'X-Namespace': 'default', ...headers }, body: content });
}

async function encoded(): Promise<{ payloads: { metadata: Record<string, string>; data: string }[] }> {
  return (await (await post(`${guarded}/encode`, { payloads: [PAYLOAD] })).json()) as never;
}

test('encodes, and decodes to what it was', async () => {
  const { payloads } = await encoded();
  expect(payloads[0]?.metadata['encoding']).toBe(text('binary/aes-256-gcm'));
  // As the Web UI asks.
  const answer = await post(`${guarded}/decode?preserveStorageRefs=true`, { payloads: [...payloads, PAYLOAD] });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(await answer.json()).toEqual({ payloads: [PAYLOAD, PAYLOAD] });
});

describe('without the token', () => {
  test.each([
    ['no header', {}],
    ['another token', { Authorization: 'Bearer a-token-of-somebody-else!!' }],
    ['its beginning', { Authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ['another scheme', { Authorization: `Basic ${TOKEN}` }],
    ['the token alone', { Authorization: TOKEN }],
  ])('nothing is decoded or encoded: %s', async (_name, headers) => {
    for (const path of ['decode', 'encode']) {
      const answer = await post(`${guarded}/${path}`, { payloads: [PAYLOAD] }, headers);
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain('payloads');
    }
  });
});

describe('pages of browsers', () => {
  const preflight = (origin: string): Promise<Response> =>
    fetch(`${guarded}/decode`, {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type,x-namespace',
      },
    });

  test('of the Web UI may ask', async () => {
    const asked = await preflight(UI);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(UI);
    expect(asked.headers.get('access-control-allow-headers')?.toLowerCase()).toBe(
      'authorization, content-type, x-namespace',
    );
    const answer = await post(`${guarded}/decode`, await encoded(), { ...authorization, Origin: UI });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('access-control-allow-origin')).toBe(UI);
    expect(answer.headers.get('vary')).toBe('Origin');
  });

  test.each(['https://other.example', 'http://temporal.example', `${UI}.evil.example`, 'null'])(
    'of %s may not, even with the token',
    async (origin) => {
      const asked = await preflight(origin);
      expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([403, null]);
      const answer = await post(`${guarded}/decode`, { payloads: [] }, { ...authorization, Origin: origin });
      expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null]);
    },
  );

  test('may not when there is no origin of a Web UI', async () => {
    expect((await post(`${open}/decode`, { payloads: [] }, { Origin: UI })).status).toBe(403);
  });
});

test('without a token of its own, it answers for names of loopback only', async () => {
  expect((await post(`${open}/decode`, { payloads: [] }, {})).status).toBe(200);
  const status = await new Promise((resolve, reject) => {
    // fetch would not send another name.
    const { port } = (servers[1] as Server).address() as AddressInfo;
    const asked = request({ port, method: 'POST', path: '/decode', headers: { ...json, Host: 'evil.example' } });
    asked.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject);
    asked.end('{"payloads":[]}');
  });
  expect(status).toBe(421);
});

describe('what it cannot do is said', () => {
  test.each([
    ['no JSON', 'patient=4711'],
    ['no payloads', '{}'],
    ['something else', '{"payloads":[null]}'],
    ['no base64', { payloads: [{ ...PAYLOAD, data: '*' }] }],
    ['no bytes', { payloads: [{ metadata: { encoding: 1 } }] }],
  ])('%s', async (_name, body) => {
    const answer = await post(`${guarded}/decode`, body);
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('The body must be')]);
  });

  test('a key that it does not have, and a payload that was changed', async () => {
    const { payloads } = await encoded();
    const [payload = { metadata: {}, data: '' }] = payloads;
    const unknown = { ...payload, metadata: { ...payload.metadata, 'encryption-key-id': text('older') } };
    const answer = await post(`${guarded}/decode`, { payloads: [unknown] });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('the key "older"')]);
    const changed = await post(`${guarded}/decode`, { payloads: [{ ...payload, data: text('x'.repeat(64)) }] });
    expect([changed.status, await changed.text()]).toEqual([400, expect.stringContaining('cannot be decrypted')]);
  });

  test('another path or method', async () => {
    expect((await post(`${guarded}/`, '')).status).toBe(404);
    expect((await fetch(`${guarded}/decode`, { headers: authorization })).status).toBe(405);
  });

  test('a body that is too long', async () => {
    const { status } = await post(`${guarded}/encode`, `{"payloads":[{"data":"${'A'.repeat(17 * 1024 * 1024)}"}]}`);
    expect(status).toBe(413);
  });
});

describe('is not started', () => {
  const keys = { BULK_EXPORT_ENCRYPTION_KEYS: `a:${randomBytes(32).toString('base64')}` };
  const token = { BULK_EXPORT_CODEC_TOKEN: TOKEN };
  const given = { port: 8888, host: '127.0.0.1', withoutToken: false };

  test.each<[string, object, NodeJS.ProcessEnv, string]>([
    ['without keys', {}, token, 'There are no keys'],
    ['without a token', {}, keys, 'There is no token'],
    ['with a token that could be guessed', {}, { ...keys, BULK_EXPORT_CODEC_TOKEN: 'secret' }, '16 characters'],
    ['for everybody on other addresses', { withoutToken: true, host: '0.0.0.0' }, keys, '--no-token'],
    ['for everybody, with a token', { withoutToken: true }, { ...keys, ...token }, '--no-token'],
    ['for an origin that is none', { origin: '*' }, { ...keys, ...token }, '--origin'],
  ])('%s', (_name, more, env, fault) => {
    expect(() => codecServerSettings({ ...given, ...more }, env)).toThrow(fault);
  });

  test('in any other case it is', () => {
    expect(codecServerSettings({ ...given, origin: `${UI}/` }, { ...keys, ...token })).toMatchObject({
      origin: UI,
      token: TOKEN,
    });
    expect(codecServerSettings({ ...given, host: '::1', withoutToken: true }, keys)).toMatchObject({ host: '::1' });
  });
});
