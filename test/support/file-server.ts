import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { listenOnLoopback } from './listen.ts';

/** What a server does with each request, and what it was asked. */
export interface FileServer {
  url: string;
  /** First byte asked for, request by request. */
  ranges: number[];
  /** Bytes of bodies handed to the network. */
  sent: number;
  close(): Promise<void>;
}

/** Serves one file whose bytes are made when they are asked for; the last one is `size`, not included. */
export interface Served {
  size: number;
  etag?: string;
  /** Bytes from one offset to another. */
  bytes(from: number, to: number): Buffer;
  /** Offset in the file at which the connection is closed, for the request of this number (from 0). */
  breakAt?(request: number): number | undefined;
  /** Instead of closing the connection it falls silent. */
  stall?: boolean;
  /** Whole body as gzip, for those who accept it; `breakAt` then counts its bytes. */
  gzip?: Buffer | undefined;
}

const BLOCK = 256 * 1024;

/** A real HTTP server on loopback that knows ranges and can break off. */
export async function serveFile(served: Served): Promise<FileServer> {
  const sockets = new Set<Socket>();
  const listener = createServer((request, response) => void answer(request, response));
  listener.on('connection', (socket) => sockets.add(socket));
  const port = await listenOnLoopback(listener);
  const server: FileServer = {
    url: `http://127.0.0.1:${port}/file`,
    ranges: [],
    sent: 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { gzip, etag = '"one"', size } = served;
    const packed = gzip !== undefined && /gzip/.test(request.headers['accept-encoding'] ?? '') ? gzip : undefined;
    const asked = packed === undefined ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    const from = request.headers['if-range'] === etag ? asked : 0;
    const end = packed?.length ?? size;
    const number = server.ranges.push(from) - 1;
    const breakAt = served.breakAt?.(number);
    response.statusCode = from > 0 ? 206 : 200;
    if (packed === undefined) response.setHeader('etag', etag);
    else response.setHeader('content-encoding', 'gzip');
    response.setHeader('content-length', end - from);
    if (from > 0) response.setHeader('content-range', `bytes ${from}-${size - 1}/${size}`);
    const limit = Math.max(from, Math.min(end, breakAt ?? end));
    for (let at = from; at < limit && !response.destroyed; at += BLOCK) {
      const to = Math.min(at + BLOCK, limit);
      server.sent += to - at;
      const isTaken = response.write(packed?.subarray(at, to) ?? served.bytes(at, to));
      if (!isTaken) await drained(response);
    }
    if (breakAt === undefined) response.end();
    else {
      response.flushHeaders();
      if (served.stall !== true) setTimeout(() => request.socket.destroy(), 1);
    }
  }
  return server;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
