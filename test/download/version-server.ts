import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { HttpClient } from '../../src/http/http-client.ts';
import { attemptFile, publishedAt } from '../support/fetch-attempt.ts';
import { listenOnLoopback } from '../support/listen.ts';

export const LINES = 400;

/** All versions have lines of one length: joined anywhere at a line's end, they look like one file. */
export function version(name: string, lines = LINES): Buffer {
  const line = (n: number): string => `{"resourceType":"Patient","id":"${name}-${String(n).padStart(6, '0')}"}\n`;
  return Buffer.from(Array.from({ length: lines }, (_, n) => line(n)).join(''));
}

export const OLD = version('a');
export const NEW = version('b');
export const LINE = OLD.length / LINES;
export const etagOf = (content: Buffer): string => `"${content.subarray(32, 33).toString()}${content.length}"`;
export const HALF = LINE * (LINES / 2);

export type Handler = (request: IncomingMessage, response: ServerResponse, number: number) => void;

export let root: string;
export let http: HttpClient;
export let asked: IncomingHttpHeaders[];
let close: () => Promise<void>;

/** Gives each test of a file a folder, a client, and one server at most. */
export function useVersionServer(): void {
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'versions-'));
    http = new HttpClient({ headers: 1000, body: 1000 });
    asked = [];
    close = async () => {};
  });
  afterEach(async () => {
    await http.close();
    await close();
    await rm(root, { recursive: true, force: true });
  });
}

export async function serve(handle: Handler): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(request.headers);
    handle(request, response, asked.length - 1);
  });
  const port = await listenOnLoopback(server);
  close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return `http://127.0.0.1:${port}/file`;
}

/** Sends some bytes, and breaks off when they have had time to arrive. */
export function breakOff(response: ServerResponse, headers: Record<string, string | number>, bytes: Buffer): void {
  response.writeHead(200, headers);
  response.write(bytes, () => setTimeout(() => response.destroy(), 100));
}

/** The first attempt gets half of the old version. */
export const half = (response: ServerResponse): void =>
  breakOff(response, { etag: etagOf(OLD), 'content-length': OLD.length }, OLD.subarray(0, HALF));

export const whole = (response: ServerResponse, content: Buffer, headers: Record<string, string> = {}): void => {
  response.writeHead(200, { 'content-length': content.length, etag: etagOf(content), ...headers }).end(content);
};

/** Attempts until the file is there. */
export async function fetched(url: string, most = 5): Promise<{ content: Buffer; troubles: unknown[] }> {
  const troubles: unknown[] = [];
  while (troubles.length < most) {
    const outcome = await attemptFile({ http, root, url });
    if ('sha256' in outcome) {
      expect(await readdir(join(root, 'export/.export/parts'))).toEqual([]);
      return { content: await readFile(publishedAt(root)), troubles };
    }
    troubles.push(outcome);
  }
  throw new Error(JSON.stringify(troubles));
}
