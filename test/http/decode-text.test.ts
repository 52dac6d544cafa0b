import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Room } from '../../src/http/read-text.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { readText } from '../../src/http/read-text.ts';
import { NetworkError } from '../../src/http/network-error.ts';
import { listenOnLoopback } from '../support/listen.ts';

const TEXT = JSON.stringify({ text: 'Größe '.repeat(500) });
const SIZE = Buffer.byteLength(TEXT);

const client = new HttpClient({ headers: 2000, body: 2000 });
let server: Server;
let url: string;
/** Compresses whatever is asked for, as some proxies do; undefined: as RFC 9110 says, whatever is not excluded. */
let forced: { coding: string; body: Buffer | string } | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (forced !== undefined) {
      response.writeHead(200, { 'content-encoding': forced.coding }).end(forced.body);
      return;
    }
    // RFC 9110, 12.5.3: without Accept-Encoding any coding is acceptable.
    const accepted = request.headers['accept-encoding'] ?? '*';
    if (/\*|gzip/.test(accepted)) response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(TEXT));
    else response.end(TEXT);
  });
  const port = await listenOnLoopback(server);
  url = `http://127.0.0.1:${port}/x`;
});
afterAll(async () => {
  await client.close();
  server.close();
});
beforeEach(() => {
  forced = undefined;
});

async function ask(most = 10_000, room?: Room): Promise<string> {
  const rules = { trustedOrigins: new Set<string>(), trustedHeaders: {}, loopback: true };
  return readText(await client.send({ method: 'GET', url, headers: {} }, rules), most, { room });
}

test('every request asks for no coding, unless it says otherwise', async () => {
  expect(await ask()).toBe(TEXT);
  const rules = { trustedOrigins: new Set<string>(), trustedHeaders: {}, loopback: true };
  for (const [headers, coding] of [
    [{}, undefined],
    [{ 'accept-encoding': 'gzip' }, 'gzip'],
  ] as const) {
    const response = await client.send({ method: 'GET', url, headers }, rules);
    expect(response.headers['content-encoding']).toBe(coding);
    await response.body.dump();
  }
});

describe('an answer that is compressed all the same is read', () => {
  test.each<[string, Buffer | string]>([
    ['gzip', gzipSync(TEXT)],
    ['X-GZIP', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['gzip, br', brotliCompressSync(gzipSync(TEXT))],
    ['gzip', TEXT],
    ['utf-8', TEXT],
    ['identity', TEXT],
  ])('%s', async (coding, body) => {
    forced = { coding, body };
    expect(await ask()).toBe(TEXT);
  });

  test('also when it is empty', async () => {
    forced = { coding: 'gzip', body: '' };
    expect(await ask()).toBe('');
  });
});

// Made before anything is asked: a server that stands still for so long ends connections that are to be used again.
const BOMB = gzipSync(Buffer.alloc(300 * 1024 * 1024));

describe('an answer that is compressed is refused', () => {
  test.each([
    ['gzip', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
  ])('when more comes out of the %s than is allowed', async (coding, body) => {
    forced = { coding, body };
    await expect(ask(SIZE - 1)).rejects.toThrow(new NetworkError(`the answer is longer than ${SIZE - 1} bytes`, true));
    expect(await ask(SIZE)).toBe(TEXT);
  });

  test('before it fills the memory: a bomb', async () => {
    forced = { coding: 'gzip', body: BOMB };
    const before = process.memoryUsage().rss;
    await expect(ask(1024 * 1024)).rejects.toThrow(/longer than/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test.each([
    ['gzip', gzipSync(TEXT).subarray(0, 40)],
    ['deflate', deflateSync(TEXT).subarray(0, 30)],
    ['br', Buffer.from('not brotli at all')],
  ])('when the %s is broken or ends early, without words of the content', async (coding, body) => {
    forced = { coding, body };
    await expect(ask()).rejects.toThrow(new NetworkError(`the answer is not the ${coding} that it says it is`, true));
  });
});

describe('room in memory for an answer', () => {
  let asked: number[];
  const roomOf = (uncounted: number): Room => ({
    uncounted,
    take: async (bytes) => {
      asked.push(bytes);
    },
  });
  beforeEach(() => {
    asked = [];
  });

  test.each([
    ['gzip', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['gzip, br', brotliCompressSync(gzipSync(TEXT))],
  ])('is asked for once, though few bytes of %s arrive', async (coding, body) => {
    forced = { coding, body };
    expect(body.length).toBeLessThan(1000);
    expect(await ask(10_000, roomOf(1000))).toBe(TEXT);
    expect(asked).toEqual([10_000]);
  });

  test.each([
    ['that is compressed', 'gzip', gzipSync(TEXT)],
    ['that is not', 'identity', TEXT],
  ])('is not asked for by a small one %s', async (_name, coding, body) => {
    forced = { coding, body };
    expect(await ask(10_000, roomOf(SIZE))).toBe(TEXT);
    expect(asked).toEqual([]);
  });

  test('is waited for, and refused, before anything large is made', async () => {
    forced = { coding: 'gzip', body: gzipSync(TEXT) };
    const refusing: Room = { uncounted: 1000, take: () => Promise.reject(new Error('too many wait')) };
    await expect(ask(10_000, refusing)).rejects.toThrow('too many wait');
    forced = { coding: 'gzip', body: gzipSync(TEXT).subarray(0, 40) };
    await expect(ask(10_000, roomOf(1000))).rejects.toThrow('the answer is not the gzip that it says it is');
    expect(asked).toEqual([]);
  });
});
