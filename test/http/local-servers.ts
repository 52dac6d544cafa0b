import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import { afterEach, beforeEach } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/messages.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import { listenOnLoopback } from '../support/listen.ts';

/** Milliseconds for which a server may be silent. */
export const TIMEOUT = 250;

/** The client of the running test. */
export let client: HttpClient;
/** The servers of the running test, and their connections. */
export let servers: { server: Server; sockets: Set<Socket> }[];

/** Gives each test of a file a client of its own, and closes it and the test's servers afterwards. */
export function useLocalServers(): void {
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
}

/** Has a server listen until the test ends; each is an origin of its own. */
export async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  servers.push({ server, sockets });
  const port = await listenOnLoopback(server);
  return `http://127.0.0.1:${port}`;
}

export function serve(listener: (...args: Parameters<RequestListener>) => unknown): Promise<string> {
  return listen(createServer((request, response) => void listener(request, response)));
}

/** A request as a server received it. */
export interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A server that keeps the requests it receives, and answers as `answer` says. */
export async function record(
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

export const ok = (response: ServerResponse): unknown => response.end('ok');
export const redirect =
  (status: number, location: string) =>
  (response: ServerResponse): unknown =>
    response.writeHead(status, { location }).end('moved');

/** Rules with credentials that go to these origins only. */
export function trust(...origins: string[]): RequestRules {
  return {
    trustedHeaders: { authorization: 'Bearer secret', 'x-api-key': 'key' },
    trustedOrigins: new Set(origins),
    loopback: true,
  };
}

export function get(
  url: string,
  rules: RequestRules = trust(),
  more: Partial<HttpRequest> = {},
): Promise<HttpResponse> {
  return client.send({ method: 'GET', url, headers: { accept: 'application/json' }, ...more }, rules);
}

/** The error of an attempt that must fail. */
export async function failureOf(attempt: Promise<unknown>): Promise<Error> {
  return attempt.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as Error,
  );
}
