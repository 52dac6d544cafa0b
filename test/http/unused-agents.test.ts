import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { Agents } from '../../src/http/agents.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { readText } from '../../src/http/read-text.ts';
import { listenOnLoopback } from '../support/listen.ts';

const HOUR = 3_600_000;

const http = new HttpClient();
let open = 0;
let held: ServerResponse | undefined;
const server = createServer((request, response) => {
  if (request.url !== '/held') return void response.end('whole');
  response.write('wh');
  held = response;
});
server.on('connection', (socket) => {
  open++;
  socket.on('close', () => open--);
});
server.keepAliveTimeout = 60_000;
let origin: string;

beforeAll(async () => {
  origin = `http://127.0.0.1:${await listenOnLoopback(server)}`;
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});
afterAll(async () => {
  await http.close();
  server.close();
  await once(server, 'close');
});

/** Rules of connections with these certificates. */
const rulesOf = (certificates: string) => ({
  trustedOrigins: new Set([origin]),
  trustedHeaders: {},
  loopback: true,
  connection: { ca: undefined, cert: undefined, certKey: undefined, proxy: undefined, key: certificates },
});
const send = (certificates: string, path = '/') =>
  http.send({ method: 'GET', url: `${origin}${path}`, headers: {} }, rulesOf(certificates));
const read = async (certificates: string) => readText(await send(certificates), 1000);

test('connections with certificates that have been replaced are closed, those of requests under way at their end', async () => {
  const body = await send('first', '/held');
  for (let hour = 0; hour < 24; hour++) {
    vi.setSystemTime(Date.now() + HOUR);
    expect(await read(`of hour ${hour}`)).toBe('whole');
  }
  await expect.poll(() => open).toBe(2);
  held?.end('ole');
  expect(await readText(body, 1000)).toBe('whole');
  await expect.poll(() => open).toBe(1);
  expect(await read('first')).toBe('whole');
});

test('connections that are used stay', async () => {
  const agents = new Agents({ headers: 1000, body: 1000 });
  const shared = (certificates: string) =>
    agents.shared(
      rulesOf(certificates).connection,
      { isTrusted: true, getsToken: true, loopback: true },
      new URL(origin),
    );
  const kept = shared('kept');
  for (let minute = 0; minute < 30; minute++) {
    vi.setSystemTime(Date.now() + 60_000);
    expect(shared('kept')).toBe(kept);
  }
  shared('another');
  expect(shared('kept')).toBe(kept);
  await agents.destroy();
});
