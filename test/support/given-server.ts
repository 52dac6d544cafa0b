import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { listenOnLoopback } from './listen.ts';

/** A FHIR server whose manifest and files the test writes itself, byte for byte; it agrees with nobody. */
export interface GivenServer {
  origin: string;
  /** The manifest's pages as sent; links between them are added. */
  pages: Record<string, unknown>[];
  /** Content by path; those that are not there, or that give none, are 404. */
  files: Record<string, string | Buffer | (() => string | undefined | Promise<string>)>;
  /** There is always one more page, like the last. */
  pagesForEver: boolean;
  /** Paths of files in the order in which they were asked for. */
  asked: string[];
  close(): Promise<void>;
}

export const TIME = '2026-01-01T00:00:00Z';

/** A page with the arrays given. */
export function givenPage(arrays: Record<string, unknown>): Record<string, unknown> {
  return { transactionTime: TIME, request: 'x', requiresAccessToken: false, output: [], error: [], ...arrays };
}

/** Real HTTP on loopback: kick-off, a job that is done at once, and files with length and strong validator. */
export async function startGivenServer(): Promise<GivenServer> {
  const listener = createServer((request, response) => {
    const { method, url = '' } = request;
    const { pathname, searchParams } = new URL(url, server.origin);
    if (pathname.endsWith('/$export')) {
      response.writeHead(202, { 'content-location': `${server.origin}/status` }).end();
    } else if (pathname === '/status' && method === 'DELETE') {
      response.writeHead(202).end();
    } else if (pathname === '/status') {
      const page = Number(searchParams.get('page') ?? 1);
      const isLast = server.pages[page] === undefined && !server.pagesForEver;
      const next = isLast ? [] : [{ relation: 'next', url: `/status?page=${page + 1}` }];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...(server.pages[page - 1] ?? server.pages.at(-1)), link: next }));
    } else {
      void sendFile(pathname.slice(1), response);
    }
  });
  async function sendFile(path: string, response: ServerResponse): Promise<void> {
    const found = server.files[path];
    if (found !== undefined) server.asked.push(path);
    const content = typeof found === 'function' ? await found() : found;
    const body = Buffer.from(content ?? '');
    response.writeHead(content === undefined ? 404 : 200, {
      'content-type': 'application/fhir+ndjson',
      'content-length': body.length,
      etag: `"${createHash('sha256').update(body).digest('hex')}"`,
    });
    response.end(body);
  }
  const port = await listenOnLoopback(listener);
  const server: GivenServer = {
    origin: `http://127.0.0.1:${port}`,
    pages: [],
    pagesForEver: false,
    files: {},
    asked: [],
    async close() {
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
    },
  };
  return server;
}
