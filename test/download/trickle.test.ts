import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { addTrouble, isFinal } from '../../src/policy/trouble.ts';
import { LIMITS } from '../../src/policy/limits.ts';
import { attemptFile } from '../support/fetch-attempt.ts';
import { listenOnLoopback } from '../support/listen.ts';

const LINE = `{"resourceType":"Patient","id":"${'x'.repeat(1024 - 35)}"}\n`;
const CONTENT = Buffer.from(LINE.repeat(4 * 1024));
const WINDOW = 300;

let root: string;
let http: HttpClient;
let close: () => void;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'trickle-'));
  http = new HttpClient({ headers: 5000, body: WINDOW });
});
afterEach(async () => {
  await http.close();
  close();
  await rm(root, { recursive: true, force: true });
});

/** A server of the file that sends so many bytes of each answer at once, and the others one by one. */
async function serveTrickle(atOnce: (request: number) => number): Promise<{ url: string; ranges: number[] }> {
  const ranges: number[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const trickle = (response: ServerResponse, from: number): void => {
    let at = from;
    const timer = setInterval(() => response.write(CONTENT.subarray(at, ++at)), 100);
    timers.add(timer);
    response.on('close', () => clearInterval(timer));
  };
  const server = createServer((request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const to = Math.min(CONTENT.length, from + atOnce(ranges.push(from) - 1));
    const range = from > 0 ? { 'content-range': `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { etag: '"one"', 'content-length': CONTENT.length - from, ...range });
    response.write(CONTENT.subarray(from, to));
    if (to === CONTENT.length) response.end();
    else trickle(response, to);
  });
  const port = await listenOnLoopback(server);
  close = () => {
    for (const timer of timers) clearInterval(timer);
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}/file`, ranges };
}

test('a file that trickles is left, and resumed where the trickle was left', async () => {
  const { url, ranges } = await serveTrickle((request) => [100_000, 10, CONTENT.length][request] as number);
  const trouble = { cause: 'outage', detail: expect.stringContaining('less than 16 bytes a second came') as string };
  expect(await attemptFile({ http, root, url, identity: true })).toMatchObject(trouble);
  expect(await attemptFile({ http, root, url, identity: true })).toMatchObject(trouble);
  expect(await attemptFile({ http, root, url, identity: true })).toMatchObject({ bytes: CONTENT.length });
  const [first, second, third] = ranges as [number, number, number];
  expect(first).toBe(0);
  expect(second).toBeGreaterThan(100_000);
  expect(third).toBeGreaterThan(second + 10);
});

test('a trickle is no progress, however far it brings the file over the days; what came before it is', async () => {
  const MIB = LIMITS.progress;
  const { url } = await serveTrickle((request) => [0, MIB + 10, 0][request] as number);
  const attempt = async () => (await attemptFile({ http, root, url, identity: true })) as { reached?: number };
  expect(await attempt()).not.toHaveProperty('reached');
  expect((await attempt()).reached).toBeGreaterThan(MIB);
  const { reached } = await attempt();
  expect(reached).toBeUndefined();
  // One attempt in six minutes, of which each would bring a KiB.
  let trouble = addTrouble(undefined, 'outage', 0);
  let now = 0;
  for (; !isFinal(trouble, now, LIMITS); now += 6 * 60_000) {
    trouble = addTrouble(trouble, 'outage', now, { reached: reached ?? 0, least: MIB });
  }
  expect(now).toBeLessThanOrEqual(LIMITS.outage + 6 * 60_000);
});
