import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publishedAt } from '../support/fetch-attempt.ts';
import { serveFile } from '../support/file-server.ts';

/** Four GiB and more by hand: `BIG_FILE_BYTES=4294967296 npm test -- test/download/big-file`. */
const SIZE = Number(process.env['BIG_FILE_BYTES'] ?? 256 * 1024 * 1024);
const LIMIT = Math.round(30_000 + SIZE / 20_000);
const PROGRAM = fileURLToPath(new URL('../../dist/test/support/fetch-process.js', import.meta.url));
const LINE = 4096;
const RUN = 64;

/** Lines of this file from one on; each has its number, so that none can stand for another. */
function linesFrom(first: number): Buffer {
  const lines = Array.from({ length: RUN }, (_, n) => {
    const head = `{"resourceType":"Patient","id":"${first + n}","text":"`;
    return `${head}${'x'.repeat(LINE - head.length - 3)}"}\n`;
  });
  return Buffer.from(lines.join(''));
}

/** Any bytes of the file, no more than a run of lines long. */
function bytesOf(from: number, to: number): Buffer {
  const first = Math.floor(from / LINE);
  const two = Buffer.concat([linesFrom(first), linesFrom(first + RUN)]);
  return two.subarray(from - first * LINE, to - first * LINE);
}

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'big-file-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test(
  `${SIZE} bytes, which break off in the middle, take no more memory than a small file`,
  async () => {
    const middle = Math.floor(SIZE / 2) + 12_345;
    const server = await serveFile({
      size: SIZE,
      bytes: bytesOf,
      breakAt: (request) => (request === 0 ? middle : undefined),
    });
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, root, server.url], { timeout: LIMIT });
    await server.close();
    const { outcomes, kilobytes } = JSON.parse(stdout) as { outcomes: unknown[]; kilobytes: number };
    expect(outcomes).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({ cause: 'outage', reached: server.ranges[1] });
    expect(server.ranges[1]).toBeGreaterThan(SIZE / 2 - 4 * 1024 * 1024);
    expect(server.sent - SIZE).toBeLessThan(8 * 1024 * 1024);

    const hash = createHash('sha256');
    for (let first = 0; first < SIZE / LINE; first += RUN) hash.update(linesFrom(first));
    const sha256 = hash.digest('hex');
    expect(outcomes[1]).toMatchObject({ bytes: SIZE, records: SIZE / LINE, headers: 0, sha256 });
    expect(await hashOf(publishedAt(root))).toBe(sha256);
    expect(kilobytes).toBeLessThan(220_000);
  },
  2 * LIMIT,
);

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
