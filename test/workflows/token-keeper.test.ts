import { describe, expect, test } from 'vitest';
import type { Fault } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { auth, backend, files, jwks, of, server, stack, useGuardedServers } from '../support/guarded-servers.ts';

useGuardedServers({
  main: [{ jwks, lifetime: 300 }, backend(files.rsaJwk)],
  // Renewed 2 s before its end: at once, nearly.
  brief: [{ jwks, lifetime: 300, expiresIn: () => 2.2 }, backend(files.rsaJwk)],
  short: [{ jwks, lifetime: 4 }, backend(files.rsaJwk), { throttleBytesPerSecond: 40_000, gzip: false, patients: 40 }],
});

describe('the token endpoint is away', () => {
  const away: [string, Fault][] = [
    ['503', { kind: 'answer', status: 503 }],
    ['429', { kind: 'answer', status: 429, headers: { 'Retry-After': '1' } }],
    ['dropped connections', { kind: 'drop' }],
  ];
  test.each(away)('for a while, %s', async (_, fault) => {
    auth('main').revokeAll();
    server('main').faults.add({ route: 'token', times: 2, do: fault });
    await expectExactFiles((await stack.run({ server: 'main' })).location, server('main'));
  });

  test('for long: AuthorizationFailed', async () => {
    auth('main').revokeAll();
    server('main').faults.add({ route: 'token', times: Infinity, do: { kind: 'answer', status: 503 } });
    expect(await stack.fail({ server: 'main' })).toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('HTTP 503'),
    });
  });
});

describe('a token that is refused', () => {
  test.each(['kickOff', 'status', 'delete'])('at the %s is renewed once', async (route) => {
    await stack.run({ server: 'main', parameters: { _type: 'Patient' } });
    auth('main').requests.length = 0;
    server('main').journal.length = 0;
    server('main').faults.add({
      route: route as 'status',
      do: { kind: 'answer', status: 401, headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } },
    });
    const report = await stack.run({ server: 'main', parameters: { _type: 'Patient' } });
    expect(report.warnings).toEqual([]);
    expect(auth('main').requests).toHaveLength(1);
    expect(of('main', route)).toHaveLength(2);
    expect(new Set(of('main', route).map(({ headers }) => headers.authorization)).size).toBe(2);
  });

  test('again and again ends the run, without DELETE', async () => {
    server('main').faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 401 } });
    expect((await stack.fail({ server: 'main' })).code).toBe('AuthorizationFailed');
    // With the token that there was, and with a new one, which may only be too new.
    const tokens = of('main', 'status').map(({ headers }) => headers.authorization);
    expect(tokens).toHaveLength(4);
    expect(new Set(tokens.slice(1)).size).toBe(1);
    expect(of('main', 'delete')).toHaveLength(0);
  });

  test('and is good a moment later is used again', async () => {
    server('main').faults.add({ route: 'status', times: 3, do: { kind: 'answer', status: 401 } });
    expect((await stack.run({ server: 'main', parameters: { _type: 'Patient' } })).status).toBe('complete');
    expect(
      of('main', 'status')
        .slice(0, 4)
        .map(({ status }) => status),
    ).toEqual([401, 401, 401, 200]);
  });

  test('again and again, and later than it is good, ends the run', async () => {
    server('brief').faults.add({ route: 'status', times: Infinity, do: { kind: 'delay', ms: 300 } });
    server('brief').faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 401 } });
    expect(await stack.fail({ server: 'brief' })).toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('HTTP 401'),
    });
    expect(of('brief', 'status').length).toBeLessThan(30);
  });

  test('for its scope ends the run at once', async () => {
    server('main').faults.add({
      route: 'kickOff',
      times: Infinity,
      do: { kind: 'answer', status: 403, headers: { 'WWW-Authenticate': 'Bearer error="insufficient_scope"' } },
    });
    expect((await stack.fail({ server: 'main' })).code).toBe('AuthorizationFailed');
    expect(of('main', 'kickOff')).toHaveLength(1);
  });

  describe('with a page', () => {
    const blocked: Fault = { kind: 'answer', status: 403, body: '<html><h1>Request blocked</h1></html>' };

    test('by a firewall is used again until all are let in', async () => {
      server('main').faults.add({ route: 'status', times: 4, do: blocked });
      expect((await stack.run({ server: 'main', parameters: { _type: 'Patient' } })).status).toBe('complete');
      expect(of('main', 'status').filter(({ status }) => status === 403)).toHaveLength(4);
    });

    test('for long ends the run, and names the firewall', async () => {
      server('main').faults.add({ route: 'status', times: Infinity, do: blocked });
      expect(await stack.fail({ server: 'main' })).toMatchObject({
        code: 'AuthorizationFailed',
        message: expect.stringMatching(/nobody was let in .*firewall.*HTTP 403.*Request blocked/),
      });
      expect(of('main', 'status').length).toBeLessThan(25);
      expect(of('main', 'delete')).toHaveLength(0);
    });

    test('by what knows no token any more is renewed', async () => {
      server('main').faults.add({ route: 'status', times: 1, do: blocked });
      expect((await stack.run({ server: 'main', parameters: { _type: 'Patient' } })).status).toBe('complete');
      expect(new Set(of('main', 'status').map(({ headers }) => headers.authorization)).size).toBe(2);
    });
  });

  test('by all files at once is renewed once', async () => {
    await stack.run({ server: 'main', parameters: { _type: 'Patient' } });
    auth('main').requests.length = 0;
    server('main').journal.length = 0;
    server('main').faults.add({ route: 'status', do: { kind: 'delay', ms: 1 } });
    server('main').faults.add({
      route: 'file',
      match: () => (auth('main').requests.length === 0 && auth('main').revokeAll(), false),
      times: Infinity,
      do: { kind: 'drop' },
    });
    const report = await stack.run({ server: 'main' });
    await expectExactFiles(report.location, server('main'));
    expect(of('main', 'file').filter(({ status }) => status === 401).length).toBeGreaterThan(1);
    expect(auth('main').requests.length).toBeLessThanOrEqual(2);
  });
});

test('short tokens over a long export: renewed before they end, not more often than needed', async () => {
  const before = Date.now();
  const report = await stack.run({ server: 'short' });
  const seconds = (Date.now() - before) / 1000;
  await expectExactFiles(report.location, server('short'));
  expect(seconds).toBeGreaterThan(6);
  // A token of 4 s is renewed when 2 s are left.
  expect(auth('short').requests.length).toBeLessThanOrEqual(Math.ceil(seconds / 2) + 1);
  expect(auth('short').requests.length).toBeGreaterThan(1);
  expect(of('short', 'file').filter(({ status }) => status === 401)).toEqual([]);
});

test('two exports of one server and scope share a token', async () => {
  auth('main').revokeAll();
  const request = { server: 'main', parameters: { _type: 'Organization' } };
  await Promise.all([stack.run(request), stack.run(request), stack.run(request)]);
  expect(auth('main').requests.length).toBeLessThanOrEqual(2);
});
