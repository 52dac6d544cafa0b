import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { readText } from '../../src/http/read-text.ts';
import { makeCertificates } from '../support/certificates.ts';
import type { Origin, Proxy } from '../support/tls-servers.ts';
import { ask, knownServer, servePlain, serveProxy, serveTls } from '../support/tls-servers.ts';

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
  proxy.tunnels.length = proxy.credentials.length = 0;
  proxy.answer = 200;
  proxy.demands = undefined;
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(async () => {
  await http.close();
  await Promise.all([...Object.values(origins), proxy, secureProxy].map((server) => server.close()));
  rmSync(folder, { recursive: true });
});

/** What comes of something in the end that is tried for an hour. */
async function afterAnHour(attempt: () => Promise<unknown>, begin = performance.now()): Promise<unknown> {
  const clock = vi.spyOn(performance, 'now');
  let outcome: unknown;
  for (const minutes of [14, 28, 42, 56, 61]) {
    expect((outcome as { code?: string } | undefined)?.code).toBeUndefined();
    clock.mockReturnValue(begin + minutes * 60_000);
    outcome = await attempt();
  }
  clock.mockRestore();
  return outcome;
}

const direct = { tls: { caFile: ca, certFile: client.cert, keyFile: client.key } };
const through = (origin = proxy.origin) => ({ ...direct, proxy: origin });
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
    [403, /^the proxy [\d.:]+: HTTP 403$/],
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

describe('the proxy of the environment', () => {
  const named = (origin: string): string => origin.replace('127.0.0.1', 'fhir.hospital.example');
  const withPassword = (origin: string): string => origin.replace('//', '//anna:s%C3%A4cret%2F@');
  const fresh = { freshConnection: true };

  test('carries requests, with its credentials, and shows them to nobody else', async () => {
    vi.stubEnv('HTTPS_PROXY', withPassword(proxy.origin));
    expect(await ask(http, `${named(origins.secure.origin)}/`, direct)).toBe('hello');
    expect(proxy.tunnels).toEqual([host(named(origins.secure.origin))]);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('anna:s\u00e4cret/').toString('base64')}`]);
    const { rules } = await knownServer(http, named(origins.secure.origin), direct);
    expect(JSON.stringify(rules.connection?.proxy?.url)).not.toMatch(/anna|cret/);
  });

  test('carries what discovery asks, and the request for a token', async () => {
    vi.stubEnv('https_proxy', proxy.origin.replace('http://', ''));
    vi.stubEnv('SECRET', 'x');
    const baseUrl = `${named(origins.secure.origin)}/r4`;
    const auth = { type: 'client-secret', clientId: 'a', clientSecretEnv: 'SECRET' } as const;
    const tokenUrl = `${named(origins.storage.origin)}/token`;
    const server = await knownServer(http, baseUrl, { ...direct, auth: { ...auth, tokenUrl, secretIn: 'basic' } });
    await expect(server.authorization.refresh('', 0)).rejects.toThrow('token');
    expect(proxy.tunnels.sort()).toEqual([host(baseUrl), host(tokenUrl)].sort());
  });

  test('does not carry what NO_PROXY names', async () => {
    vi.stubEnv('HTTPS_PROXY', proxy.origin);
    vi.stubEnv('NO_PROXY', 'hospital.example');
    await expect(ask(http, `${named(origins.secure.origin)}/`, direct, fresh)).rejects.toThrow('fhir.hospital.example');
    expect(proxy.tunnels).toEqual([]);
  });

  test('does not carry what goes to this machine', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:1');
    expect(await ask(http, `${origins.secure.origin}/`, direct, fresh)).toBe('hello');
  });

  test("is not used by a server whose entry has a proxy of its own, to which the environment's exceptions mean nothing", async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://user:other@127.0.0.1:1');
    vi.stubEnv('NO_PROXY', '*');
    expect(await ask(http, `${named(origins.secure.origin)}/`, through(), fresh)).toBe('hello');
    expect(proxy.credentials).toEqual([undefined]);
  });

  test('has credentials from a file, in place of its own', async () => {
    const file = join(folder, 'proxy-password');
    writeFileSync(file, 'bert:from a file\n');
    const header = `Basic ${Buffer.from('bert:from a file').toString('base64')}`;
    vi.stubEnv('HTTPS_PROXY', withPassword(proxy.origin));
    const more = { ...direct, proxyCredentialsFile: file };
    expect(await ask(http, `${named(origins.secure.origin)}/`, more, fresh)).toBe('hello');
    expect(await ask(http, `${origins.secure.origin}/`, { ...more, proxy: proxy.origin }, fresh)).toBe('hello');
    expect(proxy.credentials).toEqual([header, header]);
  });

  test('has its credentials read again when they are refused', async () => {
    const file = join(folder, 'new-password');
    writeFileSync(file, 'bert:old');
    vi.stubEnv('HTTPS_PROXY', proxy.origin);
    const url = `${named(origins.secure.origin)}/`;
    const { rules } = await knownServer(http, url, { ...direct, proxyCredentialsFile: file });
    const request = { method: 'GET', url, headers: {}, ...fresh } as const;
    writeFileSync(file, 'bert:newer');
    proxy.demands = `Basic ${Buffer.from('bert:newer').toString('base64')}`;
    expect(await readText(await http.send(request, rules), 1000)).toBe('hello');
    proxy.demands = 'others';
    await expect(http.send(request, rules)).rejects.toThrow(/HTTP 407/);
    expect(proxy.credentials).toHaveLength(4);
  });

  test('without which the file is named', async () => {
    const more = { ...through(), proxyCredentialsFile: join(folder, 'none') };
    const unread = { code: 'AuthorizationFailed', message: expect.stringMatching(/none cannot be read \(ENOENT\)$/) };
    await expect(ask(http, `${origins.secure.origin}/`, more)).rejects.toMatchObject(unread);
  });

  test.each([
    ['HTTPS_PROXY', {}],
    ["proxy of the server's entry", { proxy: '' }],
  ])('that refuses the credentials for an hour ends the run, and the message names %s', async (setting, more) => {
    proxy.answer = 407;
    vi.stubEnv('HTTPS_PROXY', withPassword(proxy.origin));
    const entry = { ...direct, ...('proxy' in more ? { proxy: proxy.origin } : {}) };
    const url = `${named(origins.secure.origin)}/`;
    const { rules } = await knownServer(http, url, entry);
    const request = { method: 'GET', url, headers: {}, ...fresh } as const;
    const refused = (): Promise<unknown> => http.send(request, rules).catch((one: unknown) => one);
    const outcomes = [await refused(), await afterAnHour(refused)];
    const text = `the proxy ${host(proxy.origin)} refuses the worker's credentials (HTTP 407); it is set by ${setting},`;
    const message = expect.stringContaining(text);
    expect(outcomes[0]).toMatchObject({ name: 'NetworkError', maybeSent: false, message });
    expect(outcomes[1]).toMatchObject({ code: 'AuthorizationFailed', message });
    expect(inspect(outcomes, { depth: 9 })).not.toMatch(/anna|cret/);
  });

  test.each([
    'socks5://user:hunter2@proxy',
    'ftp://hunter2',
    'http://hunter2:99999',
    'http://svc:2026/hunter2@proxy.example:3128',
    'svc:2026?hunter2@proxy.example:3128',
    'http://svc:2026#hunter2@proxy.example:3128',
  ])('is named when it is none, without its value: %s', (value) => {
    vi.stubEnv('HTTPS_PROXY', value);
    expect(() => knownServer(http, origins.secure.origin, {})).toThrow(
      /^HTTPS_PROXY must be a URL such as http:\/\/proxy.example:3128$/,
    );
  });
});
