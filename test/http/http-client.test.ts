import { createServer as createSocketServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readText } from '../../src/http/read-text.ts';
import { NetworkError } from '../../src/http/network-error.ts';
import { client, servers, listen, serve, record, ok, trust, get, failureOf, useLocalServers } from './local-servers.ts';

useLocalServers();

describe('a request', () => {
  test('arrives as it is, and its answer comes back', async () => {
    const { origin, seen } = await record((response) => response.writeHead(202, { 'X-Progress': '5%' }).end('later'));
    const body = '{"resourceType":"Parameters","x":"ü"}';
    const headers = {
      accept: 'application/fhir+json',
      'content-type': 'application/fhir+json',
      prefer: 'respond-async',
    };
    const response = await client.send({ method: 'POST', url: `${origin}/fhir/$export`, headers, body }, trust());
    expect(response).toMatchObject({ status: 202, url: `${origin}/fhir/$export`, headers: { 'x-progress': '5%' } });
    expect(await readText(response, 100)).toBe('later');
    expect(seen).toMatchObject([{ method: 'POST', url: '/fhir/$export', headers, body }]);
  });

  test.each([
    ['/status/1?a=b%2Fc&d', '/status/1?a=b%2Fc&d'],
    ["/s?x=a+b&y=%20'|{}[]&&=", "/s?x=a+b&y=%20'|{}[]&&="],
    ['/a/../b/./c//d', '/a/../b/./c//d'],
    ['/%7Efile/%e4', '/%7Efile/%e4'],
    ['', '/'],
    ['?a=b', '/?a=b'],
    ['/s?a=b#fragment', '/s?a=b'],
    ['/s#fragment?a=b', '/s'],
    ['/ä?ö=ü', '/%C3%A4?%C3%B6=%C3%BC'],
    ['/a b', '/a%20b'],
    ['/a\\b', '/a/b'],
  ])('keeps path and query to the letter: %s', async (asked, arrived) => {
    const { origin, seen } = await record(ok);
    await readText(await get(`${origin}${asked}`), 10);
    expect(seen.map(({ url }) => url)).toEqual([arrived]);
  });

  test('reads header names without case, and several values as one', async () => {
    const origin = await listen(
      createSocketServer((socket) =>
        socket.on('data', () =>
          socket.end(
            'HTTP/1.1 202 Accepted\r\nCONTENT-LOCATION: /s/1\r\nPreference-Applied: respond-async\r\n' +
              'preference-applied: separate-export-status\r\nContent-Length: 0\r\n\r\n',
          ),
        ),
      ),
    );
    const { headers } = await get(origin);
    expect(headers).toMatchObject({
      'content-location': '/s/1',
      'preference-applied': 'respond-async, separate-export-status',
    });
  });

  test('uses a connection again, unless it asks for a fresh one, which is closed after the answer', async () => {
    const ports: (number | undefined)[] = [];
    const origin = await serve((request, response) => {
      ports.push(request.socket.remotePort);
      response.end('ok');
    });
    for (const freshConnection of [false, false, true, true, false]) {
      await readText(await get(origin, trust(), { freshConnection }), 10);
      // A connection is free again a moment after its answer has been read.
      await setTimeout(10);
    }
    expect(ports[1]).toBe(ports[0]);
    expect(ports[4]).toBe(ports[0]);
    expect(new Set(ports).size).toBe(3);
    await expect.poll(() => [...servers[0]!.sockets].filter((socket) => !socket.destroyed).length).toBe(1);
  });
});

describe('a request that is aborted', () => {
  test('throws the reason while it waits for the answer', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const origin = await serve(() => controller.abort(reason));
    await expect(get(origin, trust(), { signal: controller.signal })).rejects.toBe(reason);
  });

  test.each(['headers', 'body'])('by a limit of time, before the %s, is a failure of the network', async (part) => {
    const origin = await serve((_request, response) => (part === 'body' ? response.write('begun') : undefined));
    const attempt = get(origin, trust(), { signal: AbortSignal.timeout(50) }).then((response) =>
      readText(response, 100),
    );
    const failure = await failureOf(attempt);
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure).toMatchObject({
      message: `${new URL(origin).host}: The operation was aborted due to timeout`,
      maybeSent: true,
    });
  });

  test('is not sent when it is aborted before', async () => {
    const { origin, seen } = await record(ok);
    const reason = new Error('cancelled');
    await expect(get(origin, trust(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(seen).toEqual([]);
  });

  test('stops reading the body', async () => {
    const controller = new AbortController();
    const origin = await serve((_request, response) => response.write('begun'));
    const response = await get(origin, trust(), { signal: controller.signal });
    const reading = expect(readText(response, 100)).rejects.toThrow('cancelled');
    await setTimeout(20);
    controller.abort(new Error('cancelled'));
    await reading;
  });
});
