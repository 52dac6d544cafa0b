import { createReadStream } from 'node:fs';
import type { Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip, gzipSync } from 'node:zlib';
import type { Answer } from './answer.ts';

/** A body that is being sent. */
export type Chunks = AsyncIterable<Buffer>;

/** The uncompressed body of an answer. */
export function chunksOf(body: Answer['body']): Chunks {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    return Readable.from([Buffer.from(body ?? '')]);
  }
  if (body.length === 0) return Readable.from([Buffer.alloc(0)]);
  const { path, start, length } = body;
  return createReadStream(path, { start, end: start + length - 1, highWaterMark: 256 * 1024 });
}

/** Length of the uncompressed body. */
export function lengthOf(body: Answer['body']): number {
  if (body === undefined || typeof body === 'string') return Buffer.byteLength(body ?? '');
  return body.length;
}

/** One gzip member. */
export function gzipped(chunks: Chunks): Chunks {
  // Fast rather than small: the server shares its machine with the client under test.
  const gzip = createGzip({ level: 1 });
  // Not pipe(): when the client leaves, the file must be closed, too. Errors come out of the iteration.
  pipeline(Readable.from(chunks), gzip, () => undefined);
  return gzip;
}

/** One gzip member for every 10 000 bytes. */
export async function* gzippedInMembers(chunks: Chunks): Chunks {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += 10_000) yield gzipSync(chunk.subarray(at, at + 10_000));
  }
}

/** Inverts one byte. */
export async function* corrupted(chunks: Chunks, position: number): Chunks {
  let seen = 0;
  for await (const chunk of chunks) {
    const copy = Buffer.from(chunk);
    const at = position - seen;
    if (at >= 0 && at < copy.length) copy[at] = ~(copy[at] ?? 0) & 0xff;
    seen += chunk.length;
    yield copy;
  }
}

/** Leaves out the last bytes. */
export async function* withoutEnd(chunks: Chunks, bytes: number): Chunks {
  let held = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    if (held.length > bytes) yield held.subarray(0, held.length - bytes);
    held = held.subarray(Math.max(0, held.length - bytes));
  }
}

const freeAt = new WeakMap<Socket, number>();

/** Limits the rate to this many bytes per second; requests on one connection share it. */
export async function* throttled(chunks: Chunks, socket: Socket, bytesPerSecond: number): Chunks {
  const slice = Math.max(1, Math.floor(bytesPerSecond / 10));
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += slice) {
      const piece = chunk.subarray(at, at + slice);
      const start = Math.max(freeAt.get(socket) ?? 0, Date.now());
      freeAt.set(socket, start + (piece.length / bytesPerSecond) * 1000);
      if (start > Date.now()) await sleep(start - Date.now());
      if (socket.destroyed) return;
      yield piece;
    }
  }
}
