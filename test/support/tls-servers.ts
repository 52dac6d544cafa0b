import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Servers } from '../../src/fhir-server/servers.ts';
import type { FhirServer } from '../../src/fhir-server/fhir-server.ts';
import type { ServerConfig } from '../../src/config.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import type { HttpRequest } from '../../src/http/messages.ts';
import { readText } from '../../src/http/read-text.ts';
import type { makeCertificates } from './certificates.ts';
import { readPems } from './certificates.ts';
import { serverEntry } from './stack.ts';

export type Certificates = ReturnType<typeof makeCertificates>;

/** An origin on loopback. */
export interface Origin {
  origin: string;
  close(): Promise<void>;
}

async function listen(server: Server, scheme: 'http' | 'https'): Promise<Origin> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Serves TLS; `clients` gets the name in each request's client certificate, or `none`. */
export function serveTls(
  { ca, server }: Certificates,
  clients: string[],
  answer: RequestListener,
  demand: boolean,
): Promise<Origin> {
  const options = { ...readPems(server), ca: readFileSync(ca), requestCert: true, rejectUnauthorized: demand };
  const listener = createServer(options, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    clients.push((subject?.CN as string | undefined) ?? 'none');
    answer(request, response);
  });
  return listen(listener, 'https');
}

export function servePlain(answer: RequestListener): Promise<Origin> {
  return listen(createPlainServer(answer), 'http');
}

/** A proxy that makes tunnels, and notes where to. Hosts of the domain `example` are on loopback. */
export interface Proxy extends Origin {
  tunnels: string[];
  /** `Proxy-Authorization` of each request. */
  credentials: (string | undefined)[];
  /** What CONNECT is answered; `nothing` leaves it open. */
  answer: 200 | 403 | 407 | 503 | 'nothing' | 'drop';
  /** `Proxy-Authorization` without which it answers 407. */
  demands?: string | undefined;
}

export async function serveProxy(tls?: Certificates): Promise<Proxy> {
  const server = tls === undefined ? createPlainServer() : createServer(readPems(tls.server));
  server.on('connect', (request, socket: Socket) => {
    socket.on('error', () => {});
    proxy.tunnels.push(request.url ?? '');
    proxy.credentials.push(request.headers['proxy-authorization']);
    if (proxy.answer === 'nothing') return;
    if (proxy.answer === 'drop') return void socket.destroy();
    const isRefused = proxy.demands !== undefined && request.headers['proxy-authorization'] !== proxy.demands;
    const status = isRefused ? 407 : proxy.answer;
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    const [host, port] = (request.url ?? '').split(':');
    const target = connect(Number(port), host?.endsWith('.example') === true ? '127.0.0.1' : host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    // A break is passed on as one, where the tunnel is not within TLS.
    target.on('error', () => (tls === undefined ? socket.resetAndDestroy() : socket.destroy()));
    socket.on('close', () => target.destroy());
  });
  const proxy: Proxy = {
    ...(await listen(server, tls === undefined ? 'http' : 'https')),
    tunnels: [],
    credentials: [],
    answer: 200,
  };
  return proxy;
}

/** A server as activities know it, with these fields of its entry. */
export function knownServer(http: HttpClient, baseUrl: string, more: Partial<ServerConfig>): Promise<FhirServer> {
  return new Servers({ servers: { one: serverEntry(baseUrl, more) }, destinations: {} }, http).get('one');
}

/** Asks an address by the rules of a server with these fields, and reads the answer. */
export async function ask(
  http: HttpClient,
  url: string,
  more: Partial<ServerConfig>,
  request: Partial<HttpRequest> = {},
): Promise<string> {
  const { rules } = await knownServer(http, new URL('/r4', url).href, more);
  return readText(await http.send({ method: 'GET', url, headers: {}, ...request }, rules), 1000);
}
