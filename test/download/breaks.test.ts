import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import type { Part } from '../../src/storage/folder.ts';
import { seededRandom } from '../support/random.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';
import { serveFile } from '../support/file-server.ts';

const ROUNDS = 60;

let root: string;
let http: HttpClient;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'breaks-'));
  http = new HttpClient({ headers: 2000, body: 2000 });
});
afterEach(async () => {
  await http.close();
  await rm(root, { recursive: true, force: true });
});

const sha256Of = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

function randomFile(random: () => number): { content: Buffer; lines: number } {
  const lines = Array.from({ length: 1 + Math.floor(random() * 400) }, (_, n) => {
    const text = 'ü€😀x'.repeat(Math.floor(random() * (random() < 0.05 ? 20_000 : 100)));
    return `{"resourceType":"Patient","id":"${n}","text":"${text}"}${random() < 0.2 ? '\r\n' : '\n'}`;
  });
  return { content: Buffer.from(lines.join('')), lines: lines.length };
}

test.each(['as it is', 'as gzip'])('%s: a transfer that breaks at random is had byte for byte', async (way) => {
  const random = seededRandom(way.length);
  for (let round = 0; round < ROUNDS; round++) {
    const { content, lines } = randomFile(random);
    const gzip = way === 'as gzip' ? gzipSync(content) : undefined;
    const end = gzip?.length ?? content.length;
    let breaks = Math.floor(random() * 6);
    let came = 0;
    const resumed = [0];
    const server = await serveFile({
      size: content.length,
      bytes: (from, to) => content.subarray(from, to),
      ...(gzip === undefined ? {} : { gzip }),
      breakAt: () => (breaks-- > 0 ? Math.floor(random() * end) : undefined),
    });
    const place = join(root, String(round));
    for (;;) {
      const outcome = await attemptFile({
        http,
        root: place,
        url: server.url,
        entry: { count: lines },
        onProgress: (bytes) => {
          came = bytes;
        },
      });
      if ('sha256' in outcome) {
        expect(outcome).toMatchObject({ bytes: content.length, records: lines, sha256: sha256Of(content) });
        break;
      }
      expect(outcome.cause).toBe('outage');
      resumed.push(gzip === undefined ? came : 0);
    }
    // Each attempt asks for what has not come, and for nothing else.
    expect(server.ranges).toEqual(resumed);
    expect((await readFile(publishedAt(place))).equals(content)).toBe(true);
    expect(await readdir(join(place, 'export/.export/parts'))).toEqual([]);
    await server.close();
  }
});

test('what came before a break is not fetched again', async () => {
  const random = seededRandom(3);
  const { content } = randomFile(random);
  const breaks = [0.2, 0.5, 0.9].map((part) => Math.floor(content.length * part));
  const server = await serveFile({
    size: content.length,
    bytes: (from, to) => content.subarray(from, to),
    // Silence instead of an end: all that was sent has come.
    stall: true,
    breakAt: (request) => breaks[request],
  });
  await http.close();
  http = new HttpClient({ headers: 300, body: 300 });
  for (const at of breaks) {
    expect(await attemptFile({ http, root, url: server.url })).toMatchObject({ cause: 'outage', reached: at });
    expect(at).toBeGreaterThan(0);
  }
  expect(await attemptFile({ http, root, url: server.url })).toMatchObject({ bytes: content.length });
  expect(server.ranges).toEqual([0, ...breaks]);
  expect(server.sent).toBe(content.length);
  await server.close();
});

test('of a file that came whole and could not be published one byte is fetched again', async () => {
  const { content } = randomFile(seededRandom(3));
  const server = await serveFile({ size: content.length, bytes: (from, to) => content.subarray(from, to) });
  const full = new Error('no space left');
  /** Slow enough for a checkpoint behind the last byte. */
  const failing = (part: Part): Part => {
    const write = part.write.bind(part);
    return Object.assign(part, {
      write: async (chunks: Uint8Array[]) => {
        await write(chunks);
        await delay(1100);
      },
      publish: () => Promise.reject(full),
    });
  };
  await expect(attemptFile({ http, root, url: server.url, wrap: failing })).rejects.toBe(full);
  const outcome = await attemptFile({ http, root, url: server.url });
  expect(outcome).toMatchObject({ bytes: content.length, sha256: sha256Of(content) });
  expect(server.ranges).toEqual([0, content.length - 1]);
  expect(server.sent).toBe(content.length + 1);
  expect((await readFile(publishedAt(root))).equals(content)).toBe(true);
  await server.close();
});
