import { isIP } from 'node:net';
import dns from 'node:dns';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { faultOfServerUrl, isLoopback } from '../../src/http/check-url.ts';
import { RefusedUrlError } from '../../src/http/refused-url.ts';
import { NetworkError } from '../../src/http/network-error.ts';
import { servers, listen, record, redirect, trust, get, failureOf, useLocalServers } from './local-servers.ts';

useLocalServers();

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
      'https://localhost./',
      'https://a.localhost/',
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

  test('is not asked through a proxy by a name that leads there from here', async () => {
    const proxy = { url: 'http://127.0.0.1:1', setting: 'HTTPS_PROXY', bypass: '' };
    const rules = { ...trust(), connection: { key: 'proxied', proxy } };
    const lookup = answerLookups(['169.254.169.254']);
    expect(await failureOf(get('https://files.example/', rules))).toBeInstanceOf(RefusedUrlError);
    // Many networks leave the names of others to the proxy.
    const unknown = (_name: string, _options: object, callback: (error: Error) => void) =>
      process.nextTick(callback, new Error('ENOTFOUND'));
    lookup.mockImplementation(unknown as never);
    const failure = await failureOf(get('https://other.example/', rules));
    expect(failure.message).toMatch(/^the proxy 127\.0\.0\.1:1: ECONNREFUSED/);
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
