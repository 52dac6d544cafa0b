import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Server } from 'node:tls';
import { createServer } from 'node:tls';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { TunnelAgent } from '../../../src/storage/s3/tunnel-agent.ts';
import { makeCertificates, readPems } from '../../support/certificates.ts';
import type { TestS3 } from '../../support/s3.ts';
import { hasS3, startS3 } from '../../support/s3.ts';
import type { Proxy } from '../../support/tls-servers.ts';
import { serveProxy } from '../../support/tls-servers.ts';

/** The gateway, behind TLS, by a name that only the proxy can resolve. */
describe.skipIf(!hasS3)('S3 behind a proxy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  const certificates = makeCertificates(folder);
  const sockets = new Set<Socket>();
  let s3: TestS3;
  let proxy: Proxy;
  let secureProxy: Proxy;
  let server: Server;
  let port: number;

  beforeAll(async () => {
    s3 = await startS3();
    proxy = await serveProxy();
    secureProxy = await serveProxy(certificates);
    server = createServer(readPems(certificates.server), (socket) => {
      const inner = connect(Number(new URL(s3.gateway.endpoint).port), '127.0.0.1');
      for (const one of [socket, inner]) one.on('error', () => [socket, inner].forEach((end) => end.destroy()));
      socket.pipe(inner).pipe(socket);
    });
    server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    proxy.tunnels.length = proxy.credentials.length = 0;
    proxy.answer = 200;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await Promise.all([proxy.close(), secureProxy.close(), s3.stop()]);
    rmSync(folder, { recursive: true });
  });

  function open(path: string) {
    // The authorities of a process are chosen when it starts, and its clients take no others.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    return openS3(s3.destination({ endpoint: `https://s3.hospital.example:${port}` }), path);
  }

  async function ask(proxyUrl: string, host: string): Promise<string> {
    const agent = new TunnelAgent(
      { url: proxyUrl, setting: 'HTTPS_PROXY', bypass: '' },
      { ca: readFileSync(certificates.ca), keepAlive: false },
    );
    const sent = request({ host, port, agent, path: '/' }).end();
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return text(answer);
  }

  test('is reached by what HTTPS_PROXY names, with the credentials there', async () => {
    vi.stubEnv('HTTPS_PROXY', proxy.origin.replace('//', '//anna:secret@'));
    const place = open('through');
    await place.write('a.json', '1');
    expect(String(await place.read('a.json'))).toBe('1');
    expect(await s3.keys('through/')).toEqual(['through/a.json']);
    expect(new Set(proxy.tunnels)).toEqual(new Set([`s3.hospital.example:${port}`]));
    expect(new Set(proxy.credentials)).toEqual(new Set([`Basic ${Buffer.from('anna:secret').toString('base64')}`]));
  });

  test('is not reached by it where NO_PROXY names the endpoint', async () => {
    vi.stubEnv('HTTPS_PROXY', proxy.origin);
    vi.stubEnv('NO_PROXY', '.hospital.example');
    await expect(open('directly').write('a.json', '1')).rejects.toThrow('s3.hospital.example');
    expect(proxy.tunnels).toEqual([]);
  });

  test('fails for good when the proxy refuses the credentials for an hour, which are not quoted', async () => {
    vi.stubEnv('HTTPS_PROXY', proxy.origin.replace('//', '//anna:secret@'));
    proxy.answer = 407;
    const place = open('refused');
    const refused = (): Promise<unknown> => place.write('a.json', '1').catch((one: unknown) => one);
    const message = `the proxy ${new URL(proxy.origin).host}, set by HTTPS_PROXY, refuses the worker's credentials (HTTP 407); correct them there`;
    let error = await refused();
    const begin = performance.now();
    const clock = vi.spyOn(performance, 'now');
    for (const minutes of [14, 28, 42, 56, 61]) {
      expect(error).toMatchObject({ code: 'EPROTO', message });
      clock.mockReturnValue(begin + minutes * 60_000);
      error = await refused();
    }
    clock.mockRestore();
    expect(error).toMatchObject({ code: 'DestinationFailed', message });
    expect(inspect(error, { depth: 9 })).not.toMatch(/anna|Basic /);
  });

  test('may come back when the proxy makes no tunnel', async () => {
    vi.stubEnv('HTTPS_PROXY', proxy.origin);
    proxy.answer = 503;
    await expect(open('later').write('a.json', '1')).rejects.toMatchObject({
      code: 'EPROTO',
      message: `the proxy ${new URL(proxy.origin).host}, set by HTTPS_PROXY: HTTP 503`,
    });
  });

  test.each(['http', 'https'])('must have a certificate for its name, through a proxy of %s', async (scheme) => {
    // Trusts the proxy, too: only the environment could name its authority.
    if (scheme === 'https') vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { origin } = scheme === 'https' ? secureProxy : proxy;
    expect(await ask(origin, 's3.hospital.example')).toContain('AccessDenied');
    if (scheme === 'http') await expect(ask(origin, 's3.other.example')).rejects.toThrow('s3.other.example');
  });
});
