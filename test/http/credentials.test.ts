import { describe, expect, test } from 'vitest';
import { readText } from '../../src/http/read-text.ts';
import type { HttpResponse } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { client, record, ok, redirect, trust, get, useLocalServers } from './local-servers.ts';
import type { Seen } from './local-servers.ts';

useLocalServers();

describe('the headers of the configuration', () => {
  test('take the place of ours, however they are written; the name of the client is always sent', async () => {
    const { origin, seen } = await record(ok);
    const rules = { ...trust(origin), trustedHeaders: { 'USER-Agent': 'hospital', Accept: 'text/plain' } };
    for (const some of [trust(), rules]) await readText(await get(`${origin}/x`, some), 10);
    expect(seen.map(({ headers }) => [headers['user-agent'], headers.accept])).toEqual([
      ['fhir-bulk-export', 'application/json'],
      ['hospital', 'text/plain'],
    ]);
  });

  const credentials = ({ headers }: Seen): unknown => [headers.authorization, headers['x-api-key']];
  const SENT = ['Bearer secret', 'key'];
  const NOT_SENT = [undefined, undefined];

  test('go to trusted origins only', async () => {
    const [a, b] = [await record(ok), await record(ok)];
    for (const { origin } of [a, b]) await readText(await get(`${origin}/x`, trust(a.origin)), 10);
    expect(a.seen.map(credentials)).toEqual([SENT]);
    expect(b.seen.map(credentials)).toEqual([NOT_SENT]);
    expect(b.seen[0]?.headers.accept).toBe('application/json');
  });

  test('go along a redirect within an origin', async () => {
    const { origin, seen } = await record((response, { url }) =>
      url === '/1' ? redirect(302, '/2?a=b%2Fc')(response) : ok(response),
    );
    const response = await get(`${origin}/1`, trust(origin));
    expect(await readText(response, 10)).toBe('ok');
    expect(response.url).toBe(`${origin}/2?a=b%2Fc`);
    expect(seen.map(({ url }) => url)).toEqual(['/1', '/2?a=b%2Fc']);
    expect(seen.map(credentials)).toEqual([SENT, SENT]);
  });

  test.each([301, 302, 303, 307, 308])('do not follow a %d to an origin that is not trusted', async (status) => {
    const foreign = await record(ok);
    const own = await record(redirect(status, `${foreign.origin}/file?sig=1`));
    const response = await get(`${own.origin}/file`, trust(own.origin));
    expect(await readText(response, 10)).toBe('ok');
    expect(own.seen.map(credentials)).toEqual([SENT]);
    expect(foreign.seen.map(credentials)).toEqual([NOT_SENT]);
    expect(foreign.seen[0]).toMatchObject({ url: '/file?sig=1', headers: { accept: 'application/json' } });
  });

  test('go along a redirect from a trusted origin to another one', async () => {
    const files = await record(ok);
    const own = await record(redirect(307, `${files.origin}/2`));
    await readText(await get(`${own.origin}/1`, trust(own.origin, files.origin)), 10);
    expect([own, files].map(({ seen }) => seen.map(credentials))).toEqual([[SENT], [SENT]]);
  });

  test('do not go where an origin has redirected to that is not trusted: it could choose what is asked with them', async () => {
    const files = await record(ok);
    const own = await record((response, { url }) =>
      url === '/search' ? redirect(302, `${files.origin}/3`)(response) : redirect(302, url?.slice(1) ?? '')(response),
    );
    const foreign = await record(redirect(302, `${own.origin}/search`));
    for (const first of [foreign.origin, `${own.origin}/${foreign.origin}`]) {
      await readText(await get(first, trust(own.origin, files.origin), { authorization: 'Bearer token' }), 10);
    }
    expect(own.seen.filter(({ url }) => url === '/search').map(credentials)).toEqual([NOT_SENT, NOT_SENT]);
    expect(files.seen.map(credentials)).toEqual([NOT_SENT, NOT_SENT]);
  });
});

describe('authorization', () => {
  const authorization = 'Bearer token/1+2=';
  const sent = ({ headers }: Seen): unknown => headers.authorization;
  const send = (url: string, rules: RequestRules): Promise<HttpResponse> =>
    client.send({ method: 'GET', url, headers: {}, authorization }, { ...rules, trustedHeaders: {} });

  test('is taken out of headers that repeat it, but for addresses, which must be asked as they are', async () => {
    const { origin } = await record((response) =>
      response
        .setHeader('x-progress', `done for ${authorization}`)
        .setHeader('content-location', `/status?t=${authorization.slice(7)}`)
        .end(),
    );
    const { headers, body } = await send(origin, trust(origin));
    await body.dump();
    expect([headers['x-progress'], headers['content-location']]).toEqual([
      'done for Bearer [redacted]',
      '/status?t=token/1+2=',
    ]);
  });

  test('goes to a trusted origin, and along a redirect within it', async () => {
    const { origin, seen } = await record((response, { url }) =>
      url === '/1' ? redirect(307, '/2')(response) : ok(response),
    );
    await readText(await send(`${origin}/1`, trust(origin)), 10);
    await readText(await send(`${origin}/3`, trust()), 10);
    expect(seen.map(sent)).toEqual([authorization, authorization, undefined]);
  });

  test.each([301, 302, 303, 307, 308])('does not follow a %d to another origin, even a trusted one', async (status) => {
    const other = await record(ok);
    const own = await record(redirect(status, `${other.origin}/2`));
    const response = await send(`${own.origin}/1`, trust(own.origin, other.origin));
    expect(await readText(response, 10)).toBe('ok');
    expect([own, other].map(({ seen }) => seen.map(sent))).toEqual([[authorization], [undefined]]);
  });

  test('is taken out of the answer that quotes it', async () => {
    const { origin } = await record((response, { headers }) =>
      response.end(`${headers.authorization} is not valid: token/1+2=`),
    );
    expect(await readText(await send(origin, trust(origin)), 100)).toBe('Bearer [redacted] is not valid: [redacted]');
  });
});
