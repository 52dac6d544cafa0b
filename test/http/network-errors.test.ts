import { once } from 'node:events';
import { createServer as createSocketServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { readText } from '../../src/http/read-text.ts';
import type { HttpResponse } from '../../src/http/messages.ts';
import { NetworkError, toNetworkError } from '../../src/http/network-error.ts';
import { TIMEOUT, servers, listen, serve, trust, get, failureOf, useLocalServers } from './local-servers.ts';

useLocalServers();

describe('a network that fails', () => {
  async function expectFailure(attempt: Promise<unknown>, detail: RegExp, maybeSent: boolean): Promise<void> {
    const failure = await failureOf(attempt);
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure.message).toMatch(detail);
    expect((failure as NetworkError).maybeSent).toBe(maybeSent);
  }

  test('before anything is sent: nobody listens', async () => {
    const server = createSocketServer();
    const origin = await listen(server);
    server.close();
    await once(server, 'close');
    servers.pop();
    await expectFailure(get(`${origin}/?sig=secret`), /^127\.0\.0\.1:\d+: ECONNREFUSED (?!.*secret)/, false);
  });

  test('before anything is sent: it is not TLS', async () => {
    const origin = await serve((_request, response) => response.end('ok'));
    await expectFailure(get(origin.replace('http:', 'https:')), /ERR_SSL_WRONG_VERSION_NUMBER/, false);
  });

  test('before anything is sent: TLS cannot be agreed on', async () => {
    const origin = await listen(createTlsServer(() => {}));
    await expectFailure(get(origin.replace('http:', 'https:')), /HANDSHAKE_FAILURE/, false);
  });

  test('before anything is sent: the connection is reset within the handshake', async () => {
    const origin = await listen(createSocketServer((socket) => socket.once('data', () => socket.resetAndDestroy())));
    await expectFailure(get(origin.replace('http:', 'https:')), /ECONNRESET/, false);
  });

  test.each([true, false])('once it may have been sent: the connection ends (fresh: %s)', async (freshConnection) => {
    const origin = await listen(createSocketServer((socket) => socket.once('data', () => socket.end())));
    await expectFailure(get(origin, trust(), { freshConnection }), /UND_ERR_SOCKET other side closed/, true);
  });

  test('once it may have been sent: the connection is reset', async () => {
    const origin = await listen(createSocketServer((socket) => socket.once('data', () => socket.resetAndDestroy())));
    await expectFailure(get(origin), /ECONNRESET/, true);
  });

  test('once it has been sent: the answer is no HTTP', async () => {
    const origin = await listen(createSocketServer((socket) => socket.once('data', () => socket.end('hello\r\n\r\n'))));
    await expectFailure(get(origin), /does not match the HTTP\/1\.1 protocol/, true);
  });

  test('without headers in time', async () => {
    const origin = await serve(() => {});
    const start = performance.now();
    await expectFailure(get(origin), /UND_ERR_HEADERS_TIMEOUT/, true);
    expect(performance.now() - start).toBeGreaterThanOrEqual(TIMEOUT - 10);
  });

  test('after the time of the server rather than that of the process', async () => {
    const patient = new HttpClient();
    const silent = await serve(({ url }, response) => (url === '/body' ? response.write('begun') : undefined));
    const send = (path: string): Promise<HttpResponse> =>
      patient.send({ method: 'GET', url: `${silent}${path}`, headers: {} }, { ...trust(), stall: TIMEOUT });
    await expectFailure(send('/headers'), /UND_ERR_HEADERS_TIMEOUT/, true);
    await expectFailure(readText(await send('/body'), 100), /UND_ERR_BODY_TIMEOUT/, true);
    await patient.close();
  });

  test('without a byte of the body in time', async () => {
    const origin = await serve((_request, response) => response.write('begun'));
    const response = await get(origin);
    await expectFailure(readText(response, 100), /^127\.0\.0\.1:\d+: UND_ERR_BODY_TIMEOUT/, true);
  });

  test('not while bytes keep coming', async () => {
    const origin = await serve((_request, response) => {
      let left = 5;
      const timer = setInterval(() => {
        response.write('.');
        if (--left > 0) return;
        clearInterval(timer);
        response.end();
      }, TIMEOUT / 2.5);
    });
    expect(await readText(await get(origin), 100)).toBe('.....');
  });

  test('within the body', async () => {
    const origin = await listen(
      createSocketServer((socket) =>
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
          void setTimeout(20).then(() => socket.destroy());
        }),
      ),
    );
    await expectFailure(readText(await get(origin), 100), /UND_ERR_SOCKET/, true);
  });

  test.each([
    ['ENOTFOUND', false],
    ['EAI_AGAIN', false],
    ['ECONNREFUSED', false],
    ['UND_ERR_CONNECT_TIMEOUT', false],
    ['CERT_HAS_EXPIRED', false],
    ['CERT_NOT_YET_VALID', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', false],
    ['ECONNRESET', true],
    ['EPIPE', true],
    ['ETIMEDOUT', true],
    ['UND_ERR_SOCKET', true],
    ['UND_ERR_HEADERS_TIMEOUT', true],
    // While the request is sent, as an answer to the end of the handshake.
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', false],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', false],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', false],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', false],
  ])('%s: maybe sent %s, however deep it is', (code, maybeSent) => {
    const inner = Object.assign(new Error('connect to https://a.example/?sig=secret'), { code });
    for (const error of [
      inner,
      new Error('outer', { cause: inner }),
      new AggregateError([inner, new Error('other')]),
    ]) {
      const failure = toNetworkError(error, 'a.example', maybeSent || code.startsWith('ERR_SSL'));
      expect(failure).toMatchObject({ maybeSent, message: `a.example: ${code} connect to https://a.example/?…` });
      expect(toNetworkError(failure, 'b.example', true)).toBe(failure);
    }
  });

  test('in words that are no Error', () => {
    expect(toNetworkError('odd', 'a.example', true).message).toBe('a.example: odd');
  });
});
