import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Servers } from '../../src/activities/servers.ts';
import type { ServerConfig } from '../../src/config.ts';
import { HttpClient, readText } from '../../src/http/http-client.ts';
import { makeCertificates, readPems } from '../support/certificates.ts';
import { serverEntry } from '../support/stack.ts';

const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
const { ca, server: own, client } = makeCertificates(folder);
const http = new HttpClient();
/** Names of the client certificates that came, one for each request. */
const seen: string[] = [];

const tls = (requestCert: boolean) =>
  createServer(
    { ...readPems(own), ca: readFileSync(ca), requestCert, rejectUnauthorized: false },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      seen.push((subject?.CN as string | undefined) ?? 'none');
      if (request.url === '/away') response.writeHead(302, { Location: `${origins.storage}/file` }).end();
      else response.end('hello');
    },
  );
const tunnels: string[] = [];
const proxy = createHttpServer();
proxy.on('connect', (request, socket: Socket) => {
  tunnels.push(request.url ?? '');
  const [host, port] = (request.url ?? '').split(':');
  const target = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    target.pipe(socket).pipe(target);
  });
});
const plain = createHttpServer((_, response) => response.end('hello'));
const servers = { fhir: tls(true), storage: tls(true), proxy, plain };
const origins = { fhir: '', storage: '', proxy: '', plain: '' };

beforeAll(async () => {
  for (const [name, one] of Object.entries(servers)) {
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    const secure = name === 'fhir' || name === 'storage';
    origins[name as keyof typeof origins] =
      `${secure ? 'https' : 'http'}://127.0.0.1:${(one.address() as AddressInfo).port}`;
  }
});
afterAll(async () => {
  await http.close();
  for (const one of Object.values(servers)) one.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function get(path: string, more: Partial<ServerConfig>, origin = origins.fhir): Promise<string> {
  const config = { servers: { one: serverEntry(`${origin}/r4`, more) }, destinations: {} };
  const { rules } = await new Servers(config, http).get('one');
  return readText(await http.send({ method: 'GET', url: `${origin}${path}`, headers: {} }, rules), 1000);
}

describe('TLS', () => {
  test('a certificate that nobody has signed for is refused, and nothing is sent', async () => {
    seen.length = 0;
    await expect(get('/', {})).rejects.toMatchObject({ name: 'NetworkError', maybeSent: false });
    expect(seen).toEqual([]);
  });

  test('a private certificate authority is trusted where it is configured', async () => {
    expect(await get('/', { tls: { caFile: ca } })).toBe('hello');
  });

  test('a client certificate goes to the origins of the configuration only', async () => {
    seen.length = 0;
    const mutual = { tls: { caFile: ca, certFile: client.cert, keyFile: client.key } };
    expect(await get('/away', mutual)).toBe('hello');
    expect(seen).toEqual(['client', 'none']);
  });

  test('a file that is missing is named', async () => {
    await expect(get('/', { tls: { caFile: '/no/such/ca.pem' } })).rejects.toMatchObject({
      code: 'AuthorizationFailed',
      message: expect.stringContaining('/no/such/ca.pem cannot be read (ENOENT)'),
    });
  });
});

describe('a proxy', () => {
  test.each(['fhir', 'plain'] as const)('carries requests to %s', async (name) => {
    tunnels.length = 0;
    expect(await get('/', { proxy: origins.proxy, tls: { caFile: ca } }, origins[name])).toBe('hello');
    expect(tunnels).toEqual([new URL(origins[name]).host]);
  });
});
