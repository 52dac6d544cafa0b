import { describe, expect, test } from 'vitest';
import { readText } from '../../src/http/read-text.ts';
import { NetworkError } from '../../src/http/network-error.ts';
import { client, record, ok, redirect, trust, get, failureOf, useLocalServers } from './local-servers.ts';

useLocalServers();

describe('redirects', () => {
  test('go to the address exactly as given: its signature may be made of it', async () => {
    const target = await record(ok);
    const { origin } = await record(redirect(302, `${target.origin}/a/../b?q='1'&sig=%2f`));
    await readText(await get(origin), 10);
    expect(target.seen.map(({ url }) => url)).toEqual(["/a/../b?q='1'&sig=%2f"]);
  });

  test.each([301, 302, 303])('of a POST by %d are not followed', async (status) => {
    const { origin, seen } = await record(redirect(status, '/2'));
    const response = await client.send({ method: 'POST', url: origin, headers: {}, body: 'x' }, trust());
    expect([response.status, response.headers['location'], await readText(response, 10)]).toEqual([
      status,
      '/2',
      'moved',
    ]);
    expect(seen).toHaveLength(1);
  });

  test.each([307, 308])('of a POST by %d take method and body along', async (status) => {
    const { origin, seen } = await record((response, { url }) =>
      url === '/' ? redirect(status, '/2')(response) : ok(response),
    );
    const request = { method: 'POST', url: origin, headers: { prefer: 'respond-async' }, body: 'x' } as const;
    await readText(await client.send(request, trust(origin)), 10);
    expect(seen[1]).toMatchObject({ method: 'POST', url: '/2', body: 'x', headers: { prefer: 'respond-async' } });
  });

  test('of a POST to another origin than those of the configuration are not followed: its body may name patients', async () => {
    const away = await record(ok);
    const { origin } = await record(redirect(307, `${away.origin}/2`));
    const response = await client.send({ method: 'POST', url: origin, headers: {}, body: 'x' }, trust(origin));
    expect(response.status).toBe(307);
    await response.body.dump();
    expect(away.seen).toEqual([]);
  });

  test.each([
    [304, '/2'],
    [300, '/2'],
    [302, undefined],
    [302, 'https://['],
  ])('are only those: %d to %s is an answer', async (status, location) => {
    const { origin, seen } = await record((response) =>
      response.writeHead(status, location === undefined ? {} : { location }).end(),
    );
    expect((await get(origin)).status).toBe(status);
    expect(seen).toHaveLength(1);
  });

  test('are answers when they are not to be followed', async () => {
    const { origin, seen } = await record(redirect(307, '/2'));
    const response = await get(origin, trust(), { followRedirects: false });
    expect([response.status, await readText(response, 10)]).toEqual([307, 'moved']);
    expect(seen).toHaveLength(1);
  });

  test('are five at most', async () => {
    const { origin, seen } = await record((response, { url }) => {
      const left = Number(url?.slice(1));
      return left === 0 ? ok(response) : redirect(302, `/${left - 1}`)(response);
    });
    expect(await readText(await get(`${origin}/5`), 10)).toBe('ok');
    const failure = await failureOf(get(`${origin}/6`));
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure).toMatchObject({ message: `${new URL(origin).host}: more than 5 redirects`, maybeSent: false });
    expect(seen).toHaveLength(6 + 6);
  });

  test('are not followed in a circle', async () => {
    const { origin, seen } = await record((response, { url }) => redirect(302, url === '/1' ? '/2' : '/1')(response));
    const failure = await failureOf(get(`${origin}/1`));
    expect(failure).toMatchObject({ message: `${new URL(origin).host}: redirects in a circle`, maybeSent: false });
    expect(seen.map(({ url }) => url)).toEqual(['/1', '/2']);
  });

  test('may have a body that never ends', async () => {
    const { origin } = await record((response, { url }) => {
      if (url !== '/') return ok(response);
      response.writeHead(302, { location: '/2' });
      return response.write('x'.repeat(200_000));
    });
    expect(await readText(await get(origin), 10)).toBe('ok');
  });
});
