import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Part } from '../../src/storage/folder.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';
import { serveFile } from '../support/file-server.ts';
import { listenOnLoopback } from '../support/listen.ts';

const MIB = 1024 * 1024;
const LINE = Buffer.from(`{"resourceType":"Patient","id":"${'x'.repeat(1024 - 35)}"}\n`);
const repeated = (from: number, to: number): Buffer => {
  const start = from - (from % LINE.length);
  const lines = Math.ceil((to - start) / LINE.length);
  return Buffer.concat(Array<Buffer>(lines).fill(LINE)).subarray(from - start, to - start);
};

let root: string;
let http: HttpClient;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flow-'));
  http = new HttpClient({ headers: 500, body: 500 });
});
afterEach(async () => {
  await http.close();
  await rm(root, { recursive: true, force: true });
});

/** The part with a pause before each write. */
function slow(part: Part, ms: number, seen: (bytes: number) => void): Part {
  return {
    resumed: part.resumed,
    async write(chunks) {
      await sleep(ms);
      seen(chunks.reduce((sum, { length }) => sum + length, 0));
      await part.write(chunks);
    },
    checkpoint: (validator) => part.checkpoint(validator),
    restart: () => part.restart(),
    finish: () => part.finish(),
    publish: (name) => part.publish(name),
    discard: () => part.discard(),
    keep: () => part.keep(),
  };
}

describe('a destination slower than the wire', () => {
  test.each(['as they are', 'as gzip'])('stores eight files at once as they were checked: %s', async (way) => {
    const size = 5 * MIB;
    const patient = new HttpClient();
    await Promise.all(
      Array.from({ length: 8 }, async (_, file) => {
        const line = Buffer.from(`{"resourceType":"Patient","id":"${String(file).repeat(1024 - 35)}"}\n`);
        const bytes = (from: number, to: number): Buffer => Buffer.alloc(size, line).subarray(from, to);
        const gzip = way === 'as gzip' ? gzipSync(bytes(0, size), { level: 0 }) : undefined;
        const server = await serveFile({ size, bytes, gzip });
        const own = join(root, String(file));
        const url = server.url;
        const outcome = await attemptFile({ http: patient, root: own, url, wrap: (part) => slow(part, 20, () => {}) });
        const published = createHash('sha256').update(await readFile(publishedAt(own)));
        expect(outcome).toMatchObject({ bytes: size, sha256: published.digest('hex') });
        await server.close();
      }),
    );
    await patient.close();
  });

  test.each(['as it is', 'as gzip'])('%s: the wire waits, and a stall is no fault of the server', async (way) => {
    const size = 24 * MIB;
    const gzip = way === 'as gzip' ? gzipSync(repeated(0, size), { level: 0 }) : undefined;
    const server = await serveFile({ size, bytes: repeated, ...(gzip === undefined ? {} : { gzip }) });
    let stored = 0;
    let ahead = 0;
    const outcome = await attemptFile({
      http,
      root,
      url: server.url,
      // A pause longer than the time without a byte, now and then.
      wrap: (part) => slow(part, 1, (bytes) => void (stored += bytes)),
      onProgress: (bytes) => {
        ahead = Math.max(ahead, bytes - stored);
      },
    });
    expect(outcome).toMatchObject({ bytes: size, records: size / LINE.length });
    expect(ahead).toBeLessThanOrEqual(3 * MIB);
    await server.close();
  });

  test('that stands still for longer than the wire may', async () => {
    const server = await serveFile({ size: 8 * MIB, bytes: repeated });
    let pauses = 0;
    const outcome = await attemptFile({
      http,
      root,
      url: server.url,
      wrap: (part) => ({
        ...slow(part, 0, () => {}),
        write: (chunks) => (pauses++ === 20 ? sleep(1500) : Promise.resolve()).then(() => part.write(chunks)),
      }),
    });
    expect(outcome).toMatchObject({ bytes: 8 * MIB });
    await server.close();
  });

  test('that fails is what the attempt fails with', async () => {
    const server = await serveFile({ size: 8 * MIB, bytes: repeated });
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    const attempt = attemptFile({
      http,
      root,
      url: server.url,
      wrap: (part) => ({ ...slow(part, 0, () => {}), write: () => Promise.reject(full) }),
    });
    await expect(attempt).rejects.toBe(full);
    await server.close();
  });
});

test('an attempt that is aborted leaves all that has come to the next one', async () => {
  const server = await serveFile({
    size: 64 * MIB,
    bytes: repeated,
    stall: true,
    breakAt: (n) => (n === 0 ? 10 * MIB + 7 : undefined),
  });
  const controller = new AbortController();
  const reason = new Error('shutdown');
  const attempt = attemptFile({
    http,
    root,
    url: server.url,
    signal: controller.signal,
    onProgress: (bytes) => {
      if (bytes === 10 * MIB + 7) controller.abort(reason);
    },
  });
  await expect(attempt).rejects.toBe(reason);
  expect(await attemptFile({ http, root, url: server.url })).toMatchObject({ bytes: 64 * MIB });
  expect(server.ranges).toEqual([0, 10 * MIB + 7]);
  await server.close();
});

test('an attempt that is aborted while the destination is slow ends when its last write does', async () => {
  const server = await serveFile({ size: 64 * MIB, bytes: repeated });
  const controller = new AbortController();
  let writing = 0;
  let most = 0;
  const attempt = attemptFile({
    http,
    root,
    url: server.url,
    signal: controller.signal,
    wrap: (part) => ({
      ...slow(part, 0, () => {}),
      async write(chunks) {
        most = Math.max(most, ++writing);
        await sleep(2);
        await part.write(chunks);
        writing--;
      },
    }),
    onProgress: (bytes) => {
      if (bytes > 3 * MIB) controller.abort(new Error('stop'));
    },
  });
  await expect(attempt).rejects.toThrow('stop');
  expect([writing, most]).toEqual([0, 1]);
  const [part] = (await readdir(join(root, 'export/.export/parts'))).filter((name) => name.endsWith('.json'));
  const { bytes } = JSON.parse(await readFile(join(root, 'export/.export/parts', part as string), 'utf8')) as {
    bytes: number;
  };
  expect(bytes).toBeGreaterThan(3 * MIB);
  await server.close();
});

test('a connection that falls silent is given up after the time for it, with what has come', async () => {
  const server = await serveFile({ size: 4 * MIB, bytes: repeated, stall: true, breakAt: () => 2 * MIB + 1 });
  const start = performance.now();
  const outcome = await attemptFile({ http, root, url: server.url });
  expect(outcome).toMatchObject({
    cause: 'outage',
    reached: 2 * MIB + 1,
    detail: expect.stringContaining('BODY_TIMEOUT'),
  });
  expect(performance.now() - start).toBeGreaterThanOrEqual(490);
  expect(await readdir(join(root, 'export/.export/parts'))).toHaveLength(2);
  await server.close();
});

test.each([
  ['resources', { count: 5000 }],
  ['bytes', { length: 5 * MIB }],
])('a body without end is given up when it has more %s than were promised', async (_, entry) => {
  let sent = 0;
  const block = repeated(0, MIB);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), block, Buffer.from('\r\n')]);
    const send = (): void => {
      // Far more than was promised: an end for the test.
      while (!socket.destroyed && sent < 200 * MIB) {
        sent += MIB;
        if (!socket.write(chunk)) return void socket.once('drain', send);
      }
      socket.destroy();
    };
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nETag: "endless"\r\nTransfer-Encoding: chunked\r\n\r\n');
      send();
    });
  });
  const url = `http://127.0.0.1:${await listenOnLoopback(server)}/`;
  const outcome = await attemptFile({ http, root, url, entry });
  expect(outcome).toEqual({ cause: 'content', detail: expect.stringMatching(/^more than .* the manifest/) });
  expect(sent).toBeLessThan(100 * MIB);
  expect(await readdir(join(root, 'export/.export/parts'))).toEqual([]);
  server.close();
});

test.each([
  ['reset', (socket: Socket) => socket.resetAndDestroy()],
  ['closed', (socket: Socket) => socket.destroy()],
])('a connection that ends the body by its end, and is %s while the destination is slow', async (_, end) => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
      socket.write(repeated(0, 6 * MIB));
      setTimeout(() => end(socket), 300);
    });
  });
  const outcome = await attemptFile({
    http,
    root,
    url: `http://127.0.0.1:${await listenOnLoopback(server)}/`,
    entry: { count: (6 * MIB) / LINE.length },
    wrap: (part) => slow(part, 20, () => {}),
  });
  // Whole, or known not to be; never a crash of the worker.
  if ('cause' in outcome) expect(['outage', 'content']).toContain(outcome.cause);
  else expect(outcome.bytes).toBe(6 * MIB);
  server.close();
});
