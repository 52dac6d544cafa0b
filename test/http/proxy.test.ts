import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { makeCertificates } from '../support/certificates.ts';
import type { Origin, Proxy } from '../support/tls-servers.ts';
import { ask, servePlain, serveProxy, serveTls } from '../support/tls-servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
const certificates = makeCertificates(folder);
const { ca, client } = certificates;
const http = new HttpClient({ headers: 300, body: 300 });
const clients: string[] = [];
let origins: { secure: Origin; storage: Origin; plain: Origin };
let proxy: Proxy;
let secureProxy: Proxy;

beforeAll(async () => {
  origins = {
    secure: await serveTls(
      certificates,
      clients,
      (request, response) => {
        if (request.url === '/away') response.writeHead(302, { Location: `${origins.storage.origin}/` }).end();
        else if (request.url === '/slow') {
          response.write('hel');
          void setTimeout(200).then(() => response.end('lo'));
        } else response.end('hello');
      },
      true,
    ),
    storage: await serveTls(certificates, clients, (_, response) => response.end('hello'), false),
    plain: await servePlain((_, response) => response.end('hello')),
  };
  proxy = await serveProxy();
  secureProxy = await serveProxy(certificates);
});
beforeEach(() => {
  clients.length = 0;
  proxy.tunnels.length = 0;
  proxy.answer = 200;
});
afterAll(async () => {
  await http.close();
  await Promise.all([...Object.values(origins), proxy, secureProxy].map((server) => server.close()));
  rmSync(folder, { recursive: true });
});

const through = (origin = proxy.origin) => ({
  proxy: origin,
  tls: { caFile: ca, certFile: client.cert, keyFile: client.key },
});
const host = (url: string) => new URL(url).host;

describe('a proxy', () => {
  test.each(['secure', 'plain'] as const)('carries requests to a server that is %s', async (name) => {
    // A connection of its own: one that was kept would need no new tunnel.
    const request = { freshConnection: true };
    expect(await ask(http, `${origins[name].origin}/`, through(), request)).toBe('hello');
    expect(proxy.tunnels).toEqual([host(origins[name].origin)]);
  });

  test('carries requests by the name of the server, which its certificate must have', async () => {
    const named = origins.secure.origin.replace('127.0.0.1', 'localhost');
    expect(await ask(http, `${named}/`, through())).toBe('hello');
    expect(proxy.tunnels).toEqual([host(named)]);
  });

  test('makes one tunnel for requests that follow one another', async () => {
    for (let i = 0; i < 5; i++) await ask(http, `${origins.plain.origin}/`, through());
    expect(proxy.tunnels.length).toBeLessThanOrEqual(1);
  });

  test('does not see the client certificate go elsewhere', async () => {
    expect(await ask(http, `${origins.secure.origin}/away`, through())).toBe('hello');
    expect(clients).toEqual(['client', 'none']);
  });

  test('does not cut an answer that is slow, on a fresh connection neither', async () => {
    expect(await ask(http, `${origins.secure.origin}/slow`, through(), { freshConnection: true })).toBe('hello');
  });

  test('may itself have a certificate of the private authority', async () => {
    expect(await ask(http, `${origins.secure.origin}/`, through(secureProxy.origin))).toBe('hello');
    expect(secureProxy.tunnels).toEqual([host(origins.secure.origin)]);
  });
});

describe('a proxy that makes no tunnel: nothing was sent, so a kick-off may be sent again', () => {
  test.each([
    [407, /^the proxy [\d.:]+: HTTP 407$/],
    [503, /^the proxy [\d.:]+: HTTP 503$/],
    ['drop', /^the proxy [\d.:]+: /],
    ['nothing', /^the proxy [\d.:]+: UND_ERR_HEADERS_TIMEOUT/],
  ] as const)('%s', async (answer, detail) => {
    proxy.answer = answer;
    const before = Date.now();
    await expect(ask(http, `${origins.secure.origin}/`, through(), { freshConnection: true })).rejects.toMatchObject({
      name: 'NetworkError',
      maybeSent: false,
      message: expect.stringMatching(detail),
    });
    expect(Date.now() - before).toBeLessThan(3000);
    expect(clients).toEqual([]);
  });

  test('away', async () => {
    const away = through('http://127.0.0.1:1');
    await expect(ask(http, `${origins.secure.origin}/`, away)).rejects.toMatchObject({
      maybeSent: false,
      message: expect.stringMatching(/^the proxy 127\.0\.0\.1:1: ECONNREFUSED/),
    });
  });

  test('one that works again is used again', async () => {
    proxy.answer = 503;
    await expect(ask(http, `${origins.secure.origin}/`, through(), { freshConnection: true })).rejects.toThrow('503');
    proxy.answer = 200;
    expect(await ask(http, `${origins.secure.origin}/`, through(), { freshConnection: true })).toBe('hello');
  });
});
