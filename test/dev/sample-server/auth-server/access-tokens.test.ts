import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { AuthServerOptions } from '../../../../dev/sample-server/index.ts';
import { ask, bearer, call, kickOff, smart, start, wellKnown } from './auth-servers.ts';

describe('the FHIR server', () => {
  test('wants a token for all but discovery, whatever the case of the scheme', async () => {
    const started = await start();
    const { server } = started;
    const none = await kickOff(started, {});
    expect([none.status, none.headers['www-authenticate']]).toEqual([401, 'Bearer realm="fhir"']);
    for (const authorization of ['Bearer abc', 'Basic abc', 'Bearer']) {
      expect((await kickOff(started, { authorization })).status).toBe(401);
    }
    const { authorization } = await bearer(started);
    expect((await kickOff(started, { authorization: authorization.replace('Bearer', 'bEARER') })).status).toBe(202);
    const { statusUrl = '' } = server.jobs()[0] ?? {};
    const accept = 'application/json';
    expect((await call(statusUrl, { headers: { accept } })).status).toBe(401);
    expect((await call(statusUrl, { headers: { accept, authorization } })).status).toBe(200);
    const file = server.expectedFiles()[0]?.url ?? '';
    expect((await call(file)).status).toBe(401);
    expect((await call(file, { headers: { authorization } })).status).toBe(200);
    expect((await call(`${server.baseUrl}/metadata`)).status).toBe(200);
    expect((await call(statusUrl, { method: 'DELETE' })).status).toBe(401);
    expect((await call(statusUrl, { method: 'DELETE', headers: { authorization } })).status).toBe(202);
  });

  test('expiry by the time and by the clock, and revocation', async () => {
    const started = await start({ lifetime: 1 });
    const short = await bearer(started);
    expect((await kickOff(started, short)).status).toBe(202);
    await sleep(1050);
    const expired = await kickOff(started, short);
    expect([expired.status, expired.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="fhir", error="invalid_token", error_description="The access token has expired"',
    ]);
    const revoked = await bearer(started);
    started.auth.revokeAll();
    const refused = await kickOff(started, revoked);
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('invalid_token'),
    ]);
    const jumped = await bearer(started);
    started.auth.clockOffset += 10_000;
    expect((await kickOff(started, jumped)).status).toBe(401);
    expect((await kickOff(started, await bearer(started))).status).toBe(202);
  });

  test.each([-1, 1])('a clock that is wrong by %i hours', async (hours) => {
    const clockOffset = hours * 3_600_000;
    const started = await start({ clockOffset });
    const { headers, json } = await ask(started);
    expect(json['error']).toBe('invalid_client');
    const far = (date: unknown) => Math.abs(Date.parse(String(date)) - Date.now() - clockOffset);
    expect(far(headers['date'])).toBeLessThan(3000);
    const token = await bearer(started, 'system/*.rs', clockOffset);
    const started202 = await kickOff(started, token);
    expect(started202.status).toBe(202);
    expect(far(started202.headers['date'])).toBeLessThan(3000);
    for (const path of [smart(started.server.baseUrl), `${started.server.baseUrl}/metadata`]) {
      expect(far((await call(path)).headers['date'])).toBeLessThan(3000);
    }
    const url = started.server.jobs()[0]?.statusUrl ?? '';
    const manifest = await call(url, { headers: { ...token, accept: 'application/json' } });
    expect(far(manifest.headers['expires']) - 3_600_000).toBeLessThan(3000);
  });

  test.each<[scope: string, query: string, status: number]>([
    ['system/*.rs', '?_type=Patient,Condition', 202],
    ['system/*.read', '', 202],
    ['system/Patient.rs', '?_type=Patient', 202],
    ['system/Patient.r system/Patient.s', '?_type=Patient', 202],
    ['system/Patient.cruds system/Condition.*', '?_type=Patient,Condition', 202],
    ['system/Patient.rs', '?_type=Patient,Condition', 403],
    ['system/Patient.r', '?_type=Patient', 403],
    ['system/Patient.write', '?_type=Patient', 403],
    ['system/Immunization.rs', '', 403],
  ])('a kick-off with %s %s: %i', async (scope, query, status) => {
    const started = await start();
    const answer = await kickOff(started, await bearer(started, scope), query);
    expect(answer.status, answer.text).toBe(status);
    if (status === 202) return;
    expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
    expect(JSON.parse(answer.text)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'forbidden' }] });
    expect(started.server.jobs()).toEqual([]);
  });

  test.each<[AuthServerOptions, string]>([
    [{}, ''],
    [{ outOfScope: 'narrow' }, '?_type=Patient,Condition,Observation'],
  ])('an export is narrowed: %o', async (options, query) => {
    const started = await start(options);
    const token = await bearer(started, 'system/Patient.rs system/Condition.rs');
    expect((await kickOff(started, token, query)).status).toBe(202);
    await started.server.filesWritten();
    const [job] = started.server.jobs();
    expect(job?.request.types).toEqual(['Patient', 'Condition']);
    expect(job?.request.messages[0]?.text).toMatch(/^Left out for want of scope: .*Observation/);
    // What follows needs the scopes of all that was exported.
    const accept = 'application/json';
    const less = await bearer(started, 'system/Patient.rs');
    expect((await call(job?.statusUrl ?? '', { headers: { ...less, accept } })).status).toBe(403);
    expect((await call(job?.statusUrl ?? '', { headers: { ...token, accept } })).status).toBe(200);
    const file = started.server.expectedFiles()[0]?.url ?? '';
    expect((await call(file, { headers: less })).status).toBe(403);
    expect((await call(file, { headers: token })).status).toBe(200);
  });

  test('groups and attachments have scopes of their own', async () => {
    const started = await start();
    const { baseUrl } = started.server;
    const statusOf = async (path: string, scope: string) =>
      (await call(`${baseUrl}/${path}`, { headers: await bearer(started, scope) })).status;
    expect(await statusOf('Group', 'system/Group.rs')).toBe(200);
    expect(await statusOf('Group', 'system/Patient.rs')).toBe(403);
    expect(await statusOf('Binary/none', 'system/Binary.r')).toBe(404);
    expect(await statusOf('Binary/none', 'system/Patient.rs')).toBe(403);
  });

  test.each([true, false])('files of another origin, requiresAccessToken %s', async (requiresAccessToken) => {
    const started = await start({}, { filesOrigin: 'other', requiresAccessToken });
    const token = await bearer(started);
    expect((await kickOff(started, token, '?_type=Patient')).status).toBe(202);
    await started.server.filesWritten();
    const url = started.server.expectedFiles()[0]?.url ?? '';
    expect(url.startsWith(started.server.otherOrigin)).toBe(true);
    expect((await call(url, { headers: token })).status).toBe(requiresAccessToken ? 200 : 400);
    expect((await call(url)).status).toBe(requiresAccessToken ? 401 : 200);
  });

  test('HTTP Basic instead of tokens', async () => {
    const started = await start({ basic: { username: 'me', password: 'a:b' } });
    const header = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    expect((await kickOff(started, header('me:a:b'))).status).toBe(202);
    const refused = await kickOff(started, header('me:a'));
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, expect.stringMatching(/^Basic /)]);
    expect((await kickOff(started, {})).status).toBe(401);
    expect((await wellKnown(started)).status).toBe(404);
  });
});
