import { KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAuthServer } from '../../../../dev/sample-server/index.ts';
import { ask, assertion, call, ec, formType, rsa, start, stranger, wellKnown, type Assertion } from './auth-servers.ts';

describe('assertions', () => {
  test.each(['RS384', 'ES384'] as const)('%s gives a token', async (alg) => {
    const started = await start();
    const [key, kid] = alg === 'RS384' ? [rsa.privateKey, 'rsa-1'] : [ec.privateKey, 'ec-1'];
    const signed = await assertion(started, { key, header: { alg, kid } });
    const { status, json, headers } = await ask(started, { client_assertion: signed });
    expect(status).toBe(200);
    expect(json).toMatchObject({ token_type: 'bearer', expires_in: 60, scope: 'system/*.rs' });
    expect(String(json['access_token'])).toMatch(/^[A-Za-z0-9_-]{64}$/);
    expect(headers['cache-control']).toBe('no-store');
    const { auth, server } = started;
    expect(auth.requests).toMatchObject([
      { ok: true, method: 'private_key_jwt', clientId: 'demo-client', kid, alg, scope: 'system/*.rs' },
    ]);
    expect(auth.issued).toEqual([signed, json['access_token']]);
    expect(server.journal[0]).toMatchObject({ route: 'token', body: expect.stringContaining(signed) as string });
  });

  const now = () => Math.floor(Date.now() / 1000);
  const wrong: [name: string, make: () => Assertion, message: RegExp][] = [
    ['the key of somebody else', () => ({ key: stranger.privateKey }), /signature/],
    ['an unknown kid', () => ({ header: { kid: 'ec-2' } }), /kid/],
    ['the kid of another key', () => ({ header: { kid: 'rsa-1' } }), /kid/],
    ['no kid', () => ({ header: { kid: undefined } }), /kid/],
    ['another typ', () => ({ header: { typ: 'at+jwt' } }), /typ/],
    ['no typ', () => ({ header: { typ: undefined } }), /typ/],
    ['an unregistered jku', () => ({ header: { jku: 'https://example.com/jwks.json' } }), /jku/],
    [
      'a public key as a shared secret',
      () => ({ key: Buffer.from(JSON.stringify(ec.jwk)), header: { alg: 'HS384' } }),
      /alg/,
    ],
    ['an unknown iss', () => ({ claims: { iss: 'other' } }), /unknown/],
    ['another sub', () => ({ claims: { sub: 'other' } }), /iss and sub/],
    ['no sub', () => ({ claims: { sub: undefined } }), /iss and sub/],
    ['another aud', () => ({ claims: { aud: 'http://127.0.0.1/auth/token' } }), /aud/],
    ['no aud', () => ({ claims: { aud: undefined } }), /aud/],
    ['no exp', () => ({ claims: { exp: undefined } }), /exp/],
    ['an exp that is text', () => ({ claims: { exp: String(now() + 60) } }), /exp/],
    ['an exp with a fraction', () => ({ claims: { exp: now() + 60.5 } }), /exp/],
    ['an exp in the past', () => ({ claims: { exp: now() - 1 } }), /expired/],
    ['an exp too far ahead', () => ({ claims: { exp: now() + 302 } }), /300 seconds/],
    ['an nbf in the future', () => ({ claims: { nbf: now() + 60 } }), /not valid yet/],
    ['no jti', () => ({ claims: { jti: undefined } }), /jti/],
    ['a jti that is a number', () => ({ claims: { jti: 7 } }), /jti/],
  ];
  test('each wrong assertion is refused', async () => {
    const started = await start();
    for (const [name, make, message] of wrong) {
      const { status, json } = await ask(started, { client_assertion: await assertion(started, make()) });
      expect([status, json['error']], name).toEqual([400, 'invalid_client']);
      expect(json['error_description'], name).toMatch(message);
      expect(started.auth.requests.at(-1), name).toMatchObject({ ok: false, error: 'invalid_client' });
    }
  });

  test('aud is compared as text, and may not be a list', async () => {
    const started = await start();
    const url = started.auth.tokenUrl(started.server.baseUrl);
    for (const aud of [`${url}/`, url.replace('127.0.0.1', 'localhost'), url.toUpperCase(), [url]]) {
      const { json } = await ask(started, { client_assertion: await assertion(started, { claims: { aud } }) });
      expect(json['error'], String(aud)).toBe('invalid_client');
    }
  });

  test('tampering, unsigned assertions and DER signatures are refused', async () => {
    const started = await start();
    const [header = '', claims = '', signature = ''] = (await assertion(started)).split('.');
    const encode = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
    const raw = Buffer.from(signature, 'base64url');
    const integer = (half: Buffer) => {
      const bytes = half[0] !== undefined && half[0] > 127 ? Buffer.concat([Buffer.of(0), half]) : half;
      return Buffer.concat([Buffer.of(2, bytes.length), bytes]);
    };
    const both = Buffer.concat([integer(raw.subarray(0, 48)), integer(raw.subarray(48))]);
    const der = Buffer.concat([Buffer.of(0x30, both.length), both]).toString('base64url');
    const decoded = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
    for (const bad of [
      `${header}.${encode({ ...decoded, jti: 'other' })}.${signature}`,
      `${encode({ alg: 'none', kid: 'ec-1', typ: 'JWT' })}.${claims}.`,
      `${encode({ alg: 'none', kid: 'ec-1', typ: 'JWT' })}.${claims}.${signature}`,
      `${header}.${claims}.${der}`,
      `${header}.${claims}`,
      `${header}.bm90IGpzb24.${signature}`,
      'abc',
    ]) {
      expect((await ask(started, { client_assertion: bad })).json['error'], bad).toBe('invalid_client');
    }
    expect((await ask(started, { client_assertion: `${header}.${claims}.${signature}` })).status).toBe(200);
  });

  test('a replay is refused, and so is a jti in another assertion', async () => {
    const started = await start();
    const first = await assertion(started, { claims: { jti: 'one' } });
    expect((await ask(started, { client_assertion: first })).status).toBe(200);
    const again = await assertion(started, { claims: { jti: 'one' }, header: { cty: 'x' } });
    for (const used of [first, again]) {
      const { status, json } = await ask(started, { client_assertion: used });
      expect([status, json['error'], json['error_description']]).toEqual([
        400,
        'invalid_client',
        'The assertion has been used before',
      ]);
    }
    expect(started.auth.issued.filter((value) => value === first)).toHaveLength(1);
  });

  test('an assertion that met a fault is used up', async () => {
    const started = await start();
    started.server.faults.add({ route: 'token', do: { kind: 'answer', status: 503, body: '{}' } });
    const signed = await assertion(started);
    expect((await ask(started, { client_assertion: signed })).status).toBe(503);
    expect(started.auth.issued).toEqual([signed]);
    expect((await ask(started, { client_assertion: signed })).json['error']).toBe('invalid_client');
    expect((await ask(started)).status).toBe(200);
  });

  test('a critical header, and a key that is registered for another algorithm', async () => {
    const started = await start({ clients: [{ clientId: 'x', jwks: { keys: [{ ...ec.jwk, alg: 'ES256' }] } }] });
    const [header = '', claims = ''] = (await assertion(started)).split('.');
    const old = JSON.parse(Buffer.from(header, 'base64url').toString()) as object;
    const critical = Buffer.from(JSON.stringify({ ...old, crit: ['b64'], b64: true })).toString('base64url');
    const signed = `${critical}.${claims}`;
    // jose signs no header that it does not know.
    const key = KeyObject.from(ec.privateKey);
    const signature = sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    const other = await assertion(started, { claims: { iss: 'x', sub: 'x' } });
    for (const [bad, message] of [
      [`${signed}.${signature}`, /crit/],
      [other, /kid/],
    ] as const) {
      const { json } = await ask(started, { client_assertion: bad });
      expect(json).toMatchObject({
        error: 'invalid_client',
        error_description: expect.stringMatching(message) as string,
      });
    }
  });

  test('parameters do not belong in the URL of the token endpoint', async () => {
    const started = await start();
    const body = new URLSearchParams({ client_assertion: await assertion(started) }).toString();
    const url = `${started.auth.tokenUrl(started.server.baseUrl)}?scope=system/*.rs`;
    const { status, text } = await call(url, { method: 'POST', headers: formType, body });
    expect([status, text]).toEqual([400, expect.stringContaining('belong in the body')]);
  });

  test('one algorithm may be all that is accepted', async () => {
    const started = await start({ algorithms: ['RS384'] });
    const document = JSON.parse((await wellKnown(started)).text) as Record<string, unknown>;
    expect(document['token_endpoint_auth_signing_alg_values_supported']).toEqual(['RS384']);
    expect((await ask(started)).json['error']).toBe('invalid_client');
    const signed = await assertion(started, { key: rsa.privateKey, header: { alg: 'RS384', kid: 'rsa-1' } });
    expect((await ask(started, { client_assertion: signed })).status).toBe(200);
  });

  test('the registered jku, several clients, keys that change', async () => {
    const keys = [rsa.jwk];
    const jku = 'https://client.example/jwks.json';
    const started = await start({ jku, clients: [{ clientId: 'second', jwks: { keys } }] });
    const withJku = await assertion(started, { header: { jku } });
    expect((await ask(started, { client_assertion: withJku })).status).toBe(200);
    const second = async () => {
      const signed = await assertion(started, { claims: { iss: 'second', sub: 'second' } });
      return (await ask(started, { client_assertion: signed })).status;
    };
    expect(await second()).toBe(400);
    keys.push(ec.jwk);
    expect(await second()).toBe(200);
    expect(() => createAuthServer({ jwks: { keys: [{ ...ec.jwk, d: 'secret' }] } })).toThrow(/public/);
  });
});
