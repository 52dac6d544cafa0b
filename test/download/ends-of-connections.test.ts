import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { RequestRules } from '../../src/http/rules.ts';
import type { Part } from '../../src/storage/folder.ts';
import { makeCertificates, readPems } from '../support/certificates.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';
import { listenOnLoopback } from '../support/listen.ts';
import type { Certificates, Proxy } from '../support/tls-servers.ts';
import { serveProxy } from '../support/tls-servers.ts';

const LINE = `{"resourceType":"Patient","id":"${'x'.repeat(1000)}"}\n`;
/** Lines of the files that come at once, so that the ends of some come at each moment of a transfer. */
const FILES = Array.from({ length: 12 }, (_, n) => 300 + n * 233);

/** Answers on a connection of its own; `raw` is beneath `socket`. */
type Answer = (socket: Socket, raw: Socket, lines: number) => void;

let root: string;
let certificates: Certificates;
let proxy: Proxy;
let http: HttpClient;
let servers: Server[];
let sockets: Set<Socket>;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'ends-'));
  certificates = makeCertificates(root);
  proxy = await serveProxy();
});
beforeEach(() => {
  http = new HttpClient({ headers: 3000, body: 3000 });
  servers = [];
  sockets = new Set();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
  await http.close();
});
afterAll(async () => {
  await proxy.close();
  await rm(root, { recursive: true, force: true });
});

async function serve(scheme: string, answer: Answer): Promise<string> {
  const server = createServer((raw) => {
    sockets.add(raw.on('error', () => {}));
    const socket = scheme === 'https' ? new TLSSocket(raw, { isServer: true, ...readPems(certificates.server) }) : raw;
    if (socket !== raw) socket.on('error', () => {});
    socket.once('data', (request) => answer(socket, raw, Number(/^GET \/(\d+)/.exec(String(request))?.[1])));
  });
  servers.push(server);
  return `${scheme}://127.0.0.1:${await listenOnLoopback(server)}`;
}

/** A part to which nothing is written at once: the connection's parser is paused meanwhile. */
const slow = (part: Part): Part => {
  const write = part.write.bind(part);
  return Object.assign(part, {
    write: async (...args: Parameters<Part['write']>) => {
      await setTimeout(100);
      await write(...args);
    },
  });
};

const CONTENTS = {
  'of known length': (lines: number) =>
    answered(Buffer.from(LINE.repeat(lines)), (body) => `Content-Length: ${body.length}\r\n`),
  'of gzip': (lines: number) =>
    answered(
      // Barely compressed, so that it is as long.
      gzipSync(LINE.repeat(lines), { level: 0 }),
      (body) => `Content-Encoding: gzip\r\nContent-Length: ${body.length}\r\n`,
    ),
  'as long as its connection': (lines: number) => answered(Buffer.from(LINE.repeat(lines)), () => ''),
};

function answered(body: Buffer, fields: (body: Buffer) => string): { head: string; body: Buffer } {
  const common = 'Connection: close\r\nContent-Type: application/fhir+ndjson\r\n';
  return { head: `HTTP/1.1 200 OK\r\n${common}${fields(body)}\r\n`, body };
}

/** An agent's rules for the servers of this file. */
async function rulesFor(way: string): Promise<RequestRules> {
  const connection = {
    ca: await readFile(certificates.ca, 'utf8'),
    key: way,
    ...(way === 'directly' ? {} : { proxy: { url: proxy.origin, setting: 'proxy' } }),
  };
  return { trustedOrigins: new Set(), trustedHeaders: {}, loopback: true, connection };
}

describe.each([
  ['http', 'directly'],
  ['https', 'directly'],
  ['http', 'through a proxy'],
  ['https', 'through a proxy'],
])('%s %s: a connection that does while its receiver is busy', (scheme, way) => {
  async function fetchAll(answer: Answer): Promise<unknown[]> {
    const origin = await serve(scheme, answer);
    const rules = await rulesFor(way);
    return Promise.all(
      FILES.map(async (lines) => {
        const place = await mkdtemp(join(root, 'place-'));
        const url = `${origin}/${lines}`;
        const outcome = await attemptFile({ http, root: place, url, rules, entry: { count: lines }, wrap: slow });
        return 'cause' in outcome ? outcome : (await readFile(publishedAt(place), 'latin1')) === LINE.repeat(lines);
      }),
    );
  }

  test.each(Object.entries(CONTENTS))('end, after a body %s: it is whole', async (_, content) => {
    const outcomes = await fetchAll((socket, _raw, lines) => {
      const { head, body } = content(lines);
      socket.write(head);
      // The end comes with the last bytes, or after them.
      if (lines % 2 === 0) socket.end(body);
      else socket.write(body, () => void setTimeout(20).then(() => socket.end()));
    });
    expect(outcomes).toEqual(FILES.map(() => true));
  });

  test.each(Object.entries(CONTENTS))('break, in a body %s: it is cut', async (name, content) => {
    const outcomes = await fetchAll((socket, raw, lines) => {
      const { head, body } = content(lines);
      socket.write(head);
      socket.write(body.subarray(0, body.length - 5000), () => void setTimeout(50).then(() => raw.resetAndDestroy()));
    });
    // libuv tells of a reset right behind bytes as of an end: then the checks alone find what is missing.
    const causes = name === 'as long as its connection' ? /outage|content/ : /outage/;
    expect(outcomes).toEqual(FILES.map(() => expect.objectContaining({ cause: expect.stringMatching(causes) })));
  });
});

describe.each(['http', 'https'])('%s: a whole body outlives a reset behind it', (scheme) => {
  test.each([
    ['while more of it waits in the socket', 30, (chunks: number) => chunks === 1],
    ['also when its last bytes are waited for as well', 30, () => true],
    ['while its receiver has all of it', 1, () => true],
  ])('%s', async (_, lines, isWaitedFor) => {
    // Of few bytes: those that the server still had would go with the reset.
    const body = Buffer.from(LINE.repeat(lines));
    const events = new EventEmitter();
    const [isAwaited, isReceived, isReset] = ['awaited', 'received', 'reset'].map((event) => once(events, event));
    const origin = await serve(scheme, (socket, raw) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      void isAwaited?.then(() => socket.write(LINE));
      // Its receiver has the first line until all the others and the reset have come.
      void isReceived?.then(() =>
        socket.write(body.subarray(LINE.length), () => {
          void setTimeout(50).then(() => raw.once('close', () => events.emit('reset')).resetAndDestroy());
        }),
      );
    });
    const response = await http.send({ method: 'GET', url: `${origin}/`, headers: {} }, await rulesFor('directly'));
    const taken: Buffer[] = [];
    const receiving = response.body.receive((chunk) => {
      taken.push(Buffer.from(chunk));
      events.emit('received');
      if (taken.length === 1) return isReset?.then(() => setTimeout(100));
      return isWaitedFor(taken.length) ? setTimeout(50) : undefined;
    });
    events.emit('awaited');
    await receiving;
    expect(Buffer.concat(taken).equals(body)).toBe(true);
  });
});
