import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NetworkError } from '../../src/http/network-error.ts';
import { failureOf, get, listen, servers, trust, useLocalServers } from './local-servers.ts';

useLocalServers();

/** Answers each request by what `answer` writes; the requests are counted by their connections. */
async function serveRaw(answer: (socket: Socket) => void): Promise<{ origin: string; sockets: () => Socket[] }> {
  const server = createServer((socket) => void socket.on('error', () => {}).on('data', () => answer(socket)));
  const origin = await listen(server);
  const { sockets } = servers.at(-1)!;
  return { origin, sockets: () => [...sockets] };
}

test('of a body that breaks off before anybody takes it, what has come is delivered first', async () => {
  const broken = new Promise<void>((resolve) => {
    const onError = (): void => resolve();
    subscribe('undici:request:error', onError);
    onTestFinished(() => void unsubscribe('undici:request:error', onError));
  });
  const { origin } = await serveRaw((socket) => {
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(50_000)}`);
  });
  const { body } = await get(origin);
  await broken;
  let bytes = 0;
  const failure = await failureOf(
    body.receive((chunk) => {
      bytes += chunk.length;
      return undefined;
    }),
  );
  expect(failure).toBeInstanceOf(NetworkError);
  expect(bytes).toBe(50_000);
});

describe('a kept connection that its server', () => {
  const answer = (socket: Socket): unknown => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');

  test.each([
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
    ['closes', (socket: Socket) => socket.destroy()],
    ['ends', (socket: Socket) => socket.end()],
  ])('%s just before a request would be sent: it is sent over another one', async (_, leave) => {
    const { origin, sockets } = await serveRaw(answer);
    const { body } = await get(origin);
    await body.dump();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [first] = sockets();
    // Nothing of the request has been sent when the client hears of it.
    leave(first!);
    const responses = await Promise.all([get(origin), get(origin, trust(), { method: 'POST', body: 'x' })]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200]);
    await Promise.all(responses.map((response) => response.body.dump()));
    expect(first!.bytesRead).toBeLessThan(500);
  });

  test('resets when a request has come is not asked again: nobody knows what it has done', async () => {
    let requests = 0;
    const { origin } = await serveRaw((socket) => (++requests === 1 ? answer(socket) : socket.resetAndDestroy()));
    await (await get(origin)).body.dump();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const failure = await failureOf(get(origin, trust(), { method: 'POST', body: 'x' }));
    expect(failure).toMatchObject({ name: 'NetworkError', maybeSent: true });
    expect(requests).toBe(2);
  });
});
