import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createSocketServer, isIP } from 'node:net';
import dns from 'node:dns';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { faultOfServerUrl, isLoopback } from '../../src/http/check-url.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { RefusedUrlError } from '../../src/http/refused-url.ts';
import { readText } from '../../src/http/read-text.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { NetworkError, toNetworkError } from '../../src/http/network-error.ts';

const TIMEOUT = 250;

let client: HttpClient;
let servers: { server: Server; sockets: Set<Socket> }[];

beforeEach(() => {
  client = new HttpClient({ headers: TIMEOUT, body: TIMEOUT });
  servers = [];
});
afterEach(async () => {
  for (const { server, sockets } of servers) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
  await client.close();
});

/** Has a server listen until the test ends; each is an origin of its own. */
async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  servers.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serve(listener: (...args: Parameters<RequestListener>) => unknown): Promise<string> {
  return listen(createServer((request, response) => void listener(request, response)));
}

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A server that keeps what it is asked, and answers as told. */
async function record(
  answer: (response: ServerResponse, request: Seen) => void,
): Promise<{ origin: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const origin = await serve(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body });
    answer(response, seen.at(-1)!);
  });
  return { origin, seen };
}

const ok = (response: ServerResponse): unknown => response.end('ok');
const redirect =
  (status: number, location: string) =>
  (response: ServerResponse): unknown =>
    response.writeHead(status, { location }).end('moved');

function trust(...origins: string[]): RequestRules {
  return {
    trustedHeaders: { authorization: 'Bearer secret', 'x-api-key': 'key' },
    trustedOrigins: new Set(origins),
    loopback: true,
  };
}

function get(url: string, rules: RequestRules = trust(), more: Partial<HttpRequest> = {}): Promise<HttpResponse> {
  return client.send({ method: 'GET', url, headers: { accept: 'application/json' }, ...more }, rules);
}

async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as Error,
  );
}

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

  test('are sent again where a redirect comes back, and to another trusted origin', async () => {
    const files = await record(ok);
    const foreign = await record(redirect(307, `${files.origin}/3`));
    const own = await record(redirect(307, `${foreign.origin}/2`));
    await readText(await get(`${own.origin}/1`, trust(own.origin, files.origin)), 10);
    expect([own, foreign, files].map(({ seen }) => seen.map(credentials))).toEqual([[SENT], [NOT_SENT], [SENT]]);
  });
});

describe('authorization', () => {
  const authorization = 'Bearer token/1+2=';
  const sent = ({ headers }: Seen): unknown => headers.authorization;
  const send = (url: string, rules: RequestRules): Promise<HttpResponse> =>
    client.send({ method: 'GET', url, headers: {}, authorization }, { ...rules, trustedHeaders: {} });

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
    expect(failure).toMatchObject({ message: `${new URL(origin).host}: more than 5 redirects`, maybeSent: true });
    expect(seen).toHaveLength(6 + 6);
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

describe('an address that a server must not name', () => {
  const port = () => ((servers.at(-1) as (typeof servers)[number]).server.address() as AddressInfo).port;
  /** Counts connections; nobody is to speak to it. */
  async function listenTls(): Promise<{ sockets: Set<Socket> }> {
    await listen(createTlsServer());
    return servers.at(-1) as { sockets: Set<Socket> };
  }
  /** What DNS says of any name. */
  function answerLookups(addresses: readonly string[]) {
    const all = addresses.map((address) => ({ address, family: isIP(address) }));
    const fake = (_name: string, _options: object, callback: (error: null, all: object[]) => void) =>
      process.nextTick(callback, null, all);
    return vi.spyOn(dns, 'lookup').mockImplementation(fake as never);
  }
  afterEach(() => vi.restoreAllMocks());

  const REFUSED: [string, string][] = [
    ['http://a.example/', 'it is http: and must be https:'],
    ['http://10.0.0.1/', 'it is http: and must be https:'],
    ['http://localhost.a.example/', 'it is http: and must be https:'],
    ['ftp://127.0.0.1/', 'it is ftp: and must be https:'],
    ['file:///etc/passwd', 'it is file: and must be https:'],
    ['https://user@a.example/', 'it contains user information'],
    ['https://:pass@a.example/', 'it contains user information'],
    ['http://169.254.169.254/latest/meta-data', 'it is a link-local or cloud metadata address'],
    ['https://169.254.0.1/', 'it is a link-local or cloud metadata address'],
    ['https://169.254.169.254./', 'it is a link-local or cloud metadata address'],
    ['https://0xa9fea9fe/', 'it is a link-local or cloud metadata address'],
    ['https://2852039166/', 'it is a link-local or cloud metadata address'],
    ['https://[fe80::1]/', 'it is a link-local or cloud metadata address'],
    ['https://[FEBF::1]/', 'it is a link-local or cloud metadata address'],
    ['https://[::ffff:169.254.169.254]/', 'it is a link-local or cloud metadata address'],
    ['https://[::169.254.169.254]/', 'it is a link-local or cloud metadata address'],
    ['https://[64:ff9b::169.254.169.254]/', 'it is a link-local or cloud metadata address'],
    ['https://[::ffff:0:169.254.169.254]/', 'it is a link-local or cloud metadata address'],
    ['https://100.100.100.200/', 'it is a link-local or cloud metadata address'],
    ['https://[fd20:ce::254]/', 'it is a link-local or cloud metadata address'],
    ['https://[fd00:ec2::254]/', 'it is a link-local or cloud metadata address'],
  ];

  test.each(REFUSED)('%s: %s', async (url, fault) => {
    expect(faultOfServerUrl(new URL(url), true)).toBe(fault);
    const failure = await failureOf(get(`${url}?sig=secret`, trust(new URL(url).origin)));
    expect(failure).toBeInstanceOf(RefusedUrlError);
    expect(failure.message).toBe(`the server named an address at ${new URL(url).host} that is not asked: ${fault}`);
  });

  test.each(REFUSED)('is not asked along a redirect either: %s', async (url) => {
    const { origin, seen } = await record(redirect(307, url));
    expect(await failureOf(get(origin))).toBeInstanceOf(RefusedUrlError);
    expect(seen).toHaveLength(1);
  });

  test('an address of this machine is asked only where the FHIR server is one', () => {
    for (const url of [
      'http://localhost:1/',
      'https://127.0.0.1/',
      'http://[::1]/',
      'https://0.0.0.0/',
      'https://[::]/',
      'https://[::ffff:127.0.0.1]/',
      'https://[64:ff9b::127.0.0.1]/',
      'https://[::ffff:0.0.0.0]/',
    ]) {
      expect(faultOfServerUrl(new URL(url), false)).toBe('it is an address of this machine');
    }
  });

  test.each([
    [['127.0.0.1'], 'it is an address of this machine'],
    [['::ffff:127.0.0.1'], 'it is an address of this machine'],
    [['169.254.169.254'], 'it is a link-local or cloud metadata address'],
    [['10.0.0.1', '169.254.169.254'], 'it is a link-local or cloud metadata address'],
    [['fd00::1', '::ffff:169.254.169.254'], 'it is a link-local or cloud metadata address'],
    [['fe80::1'], 'it is a link-local or cloud metadata address'],
    [['fd00:ec2::254'], 'it is a link-local or cloud metadata address'],
  ])('is not connected to by a name either, whichever of its addresses it is: %j', async (addresses, fault) => {
    const { sockets } = await listenTls();
    const lookup = answerLookups(addresses);
    const failure = await failureOf(
      get(`https://files.example:${port()}/?sig=secret`, { ...trust(), loopback: false }),
    );
    expect(failure).toBeInstanceOf(RefusedUrlError);
    expect(failure.message).toBe(`the server named an address at files.example that is not asked: ${fault}`);
    expect(lookup).toHaveBeenCalledOnce();
    expect(sockets.size).toBe(0);
  });

  test('is not connected to after a redirect to such a name, and not by a connection of its own', async () => {
    const { origin, seen } = await record(redirect(307, 'https://files.example/2'));
    answerLookups(['169.254.169.254']);
    expect(await failureOf(get(origin))).toBeInstanceOf(RefusedUrlError);
    expect(seen).toHaveLength(1);
    const fresh = get('https://files.example/', trust(), { freshConnection: true });
    expect(await failureOf(fresh)).toBeInstanceOf(RefusedUrlError);
  });

  test('may be this machine where the configuration names the host', async () => {
    const { sockets } = await listenTls();
    answerLookups(['127.0.0.1']);
    const rules = { ...trust(), loopback: false, configuredHosts: new Set(['files.example']) };
    // Connected; the server has no certificate of that name.
    expect(await failureOf(get(`https://files.example:${port()}/`, rules))).toBeInstanceOf(NetworkError);
    expect(sockets.size).toBe(1);
  });

  test.each([
    'https://a.example/',
    'https://10.0.0.1/',
    'https://192.168.1.1/',
    'https://172.16.0.1/',
    'https://169.255.0.1/',
    'https://[fd00::1]/',
    'http://localhost:1/',
    'http://127.0.0.2/',
    'http://[::1]/',
  ])('is not %s', (url) => {
    expect(faultOfServerUrl(new URL(url), true)).toBeUndefined();
  });

  test.each([
    ['http://localhost', true],
    ['http://127.1', true],
    ['http://[::1]', true],
    ['http://127.0.0.1.a.example', false],
    ['http://localhost.', false],
    ['http://0.0.0.0', false],
    ['http://[::2]', false],
  ])('%s is loopback: %s', (url, loopback) => {
    expect(isLoopback(new URL(url))).toBe(loopback);
  });
});

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
  ])('%s: maybe sent %s, however deep it is', (code, maybeSent) => {
    const inner = Object.assign(new Error('connect to https://a.example/?sig=secret'), { code });
    for (const error of [
      inner,
      new Error('outer', { cause: inner }),
      new AggregateError([inner, new Error('other')]),
    ]) {
      const failure = toNetworkError(error, 'a.example');
      expect(failure).toMatchObject({ maybeSent, message: `a.example: ${code} connect to https://a.example/?…` });
      expect(toNetworkError(failure, 'b.example')).toBe(failure);
    }
  });

  test('in words that are no Error', () => {
    expect(toNetworkError('odd', 'a.example').message).toBe('a.example: odd');
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

describe('a body', () => {
  const MIB = 1024 * 1024;
  /** A server of one long body; how many connections it had, and how much of the body it has written. */
  async function long(bytes: number): Promise<{ origin: string; sockets: Set<Socket>; written: () => number }> {
    const content = Buffer.from(Array.from({ length: MIB / 8 }, (_, n) => String(n).padStart(8, '0')).join(''));
    let written = 0;
    const origin = await serve((_request, response) => {
      response.setHeader('content-length', bytes);
      const more = (left: number): void => {
        if (left <= 0) return void response.end();
        written += MIB;
        return response.write(content) ? more(left - MIB) : void response.once('drain', () => more(left - MIB));
      };
      more(bytes);
    });
    return { origin, sockets: servers.at(-1)!.sockets, written: () => written };
  }

  test('comes in order, one piece at a time, while promises hold it back', async () => {
    const { origin } = await long(8 * MIB);
    const response = await get(origin);
    const chunks: Buffer[] = [];
    let pending = 0;
    await response.body.receive((chunk) => {
      expect(pending).toBe(0);
      chunks.push(chunk);
      if (chunks.length % 3 === 0) return undefined;
      pending++;
      return setTimeout(chunks.length % 7 === 0 ? 1 : 0).then(() => void pending--);
    });
    const whole = Buffer.concat(chunks);
    expect(whole.length).toBe(8 * MIB);
    for (let at = 0; at < whole.length; at += MIB) {
      if (!whole.subarray(at, at + MIB).equals(whole.subarray(0, MIB))) throw new Error(`out of order after ${at}`);
    }
    expect(whole.toString('latin1', 8 * 1000, 8 * 1001)).toBe('00001000');
  });

  test('is not read on while nobody takes it, for longer than a server may be silent, and is whole then', async () => {
    const { origin, written } = await long(64 * MIB);
    const response = await get(origin);
    await setTimeout(2 * TIMEOUT);
    expect(written()).toBeLessThan(32 * MIB);
    let bytes = 0;
    await response.body.receive((chunk) => {
      bytes += chunk.length;
      return bytes === chunk.length ? setTimeout(2 * TIMEOUT) : undefined;
    });
    expect(bytes).toBe(64 * MIB);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('full'))],
  ])('whose taker %s fails with that, and its connection is closed', async (_, take) => {
    const { origin, sockets } = await long(64 * MIB);
    const response = await get(origin);
    await expect(response.body.receive(take)).rejects.toThrow('full');
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });

  test('that is aborted fails with the reason, also when it had come before it was asked for', async () => {
    const { origin, sockets } = await long(64 * MIB);
    const controller = new AbortController();
    const response = await get(origin, trust(), { signal: controller.signal });
    const reason = new Error('cancelled');
    controller.abort(reason);
    await expect(response.body.receive(() => undefined)).rejects.toBe(reason);
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });

  test('that is dumped keeps its connection when it is small, and closes it when it is not', async () => {
    const small = await serve((_request, response) => response.end('x'.repeat(100_000)));
    for (let count = 0; count < 3; count++) {
      await (await get(small)).body.dump();
      await setTimeout(10);
    }
    expect(servers.at(-1)!.sockets.size).toBe(1);
    const { origin, sockets } = await long(64 * MIB);
    await (await get(origin)).body.dump();
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  });
});

describe('readText', () => {
  async function answer(body: string | Buffer, chunk = 7): Promise<HttpResponse> {
    const bytes = Buffer.from(body);
    const origin = await serve((_request, response) => {
      for (let start = 0; start < bytes.length; start += chunk) response.write(bytes.subarray(start, start + chunk));
      response.end();
    });
    return get(origin);
  }

  test('reads UTF-8, however it is cut', async () => {
    expect(await readText(await answer('aü€😀'.repeat(50), 1), 10_000)).toBe('aü€😀'.repeat(50));
    expect(await readText(await answer(''), 0)).toBe('');
  });

  test('reads as many bytes as are allowed, and no more', async () => {
    expect(await readText(await answer('x'.repeat(100)), 100)).toBe('x'.repeat(100));
    const failure = await failureOf(readText(await answer('x'.repeat(101)), 100));
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure.message).toBe('the answer is longer than 100 bytes');
  });

  test('cuts when it is told to, without reading on', async () => {
    expect(await readText(await answer('x'.repeat(200)), 100, { cut: true })).toBe('x'.repeat(100));
    expect(await readText(await answer('x'.repeat(100)), 100, { cut: true })).toBe('x'.repeat(100));
    const endless = await serve((_request, response) => {
      const timer = setInterval(() => response.write('x'.repeat(50)), 5);
      response.on('close', () => clearInterval(timer));
    });
    expect(await readText(await get(endless), 100, { cut: true })).toBe('x'.repeat(100));
  });
});
