import { once } from 'node:events';
import type { TransformOptions } from 'node:stream';
import { PassThrough } from 'node:stream';
import type { ZlibOptions } from 'node:zlib';
import { createGunzip } from 'node:zlib';
import type { Take } from '../http/exchange.ts';
import { release } from '../http/slabs.ts';
import type { HttpResponse } from '../http/messages.ts';
import { ContentError } from './content-error.ts';
import { freeWhenReleased } from './free-memory.ts';

/** Bytes that gzip may unpack to before its ratio is looked at, and the ratio that no real NDJSON reaches. */
const BOMB_BYTES = 64 * 1024 * 1024;
const BOMB_RATIO = 200;
/** Bytes that gzip unpacks at a time: with Node's 16 KiB the way between its threads costs more than the unpacking. */
const BLOCK = 128 * 1024;
/** How gzip is unpacked. */
export const GUNZIP: ZlibOptions & TransformOptions = { chunkSize: BLOCK, highWaterMark: BLOCK };

export function isGzip(encoding: string | undefined): boolean {
  return encoding !== undefined && /^\s*(x-)?gzip\s*$/i.test(encoding);
}

/**
 * Receives a body with its content coding taken off; gzip of several members is one file.
 *
 * @param unwrap takes the content out of what it is wrapped in
 * @returns bytes that came over the wire
 * @throws as {@link HttpBody.receive}; ContentError; `Z_…` when gzip is broken or cut
 */
export async function receiveBody(
  { body, headers }: HttpResponse,
  unwrap: ((chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>) | undefined,
  take: Take,
): Promise<number> {
  let received = 0;
  const gzip = isGzip(headers['content-encoding']);
  if (!gzip && unwrap === undefined) {
    await body.receive((chunk) => {
      received += chunk.length;
      return take(chunk);
    });
    return received;
  }
  const decoder = gzip ? createGunzip(GUNZIP) : new PassThrough({ highWaterMark: BLOCK });
  void body
    .receive((chunk) => {
      received += chunk.length;
      // What only passes through is still in use then.
      const isRead = gzip ? () => release(chunk) : undefined;
      return decoder.write(chunk, isRead) ? undefined : once(decoder, 'drain').then(() => {});
    })
    .then(
      () => decoder.end(),
      (error: unknown) => decoder.destroy(error as Error),
    );
  async function* decoded(): AsyncGenerator<Buffer> {
    let unpacked = 0;
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      checkRatio(unpacked, received);
      // All of it is ours when we have been given every byte of it.
      if (gzip) freeWhenReleased(chunk.buffer as ArrayBuffer);
      yield chunk;
    }
  }
  try {
    for await (const chunk of unwrap?.(decoded()) ?? decoded()) await take(chunk);
  } finally {
    body.destroy();
  }
  return received;
}

/** @throws ContentError when gzip unpacks to more than any real NDJSON would */
export function checkRatio(unpacked: number, packed: number): void {
  if (unpacked > BOMB_BYTES && unpacked > packed * BOMB_RATIO) {
    throw new ContentError(`it unpacks to more than ${BOMB_RATIO} times its size`);
  }
}

/** Whether HTTP or gzip says where a body ends; otherwise the connection just closes, as it does when it is cut. */
export function endIsProved({ headers }: HttpResponse): boolean {
  return (
    headers['content-length'] !== undefined ||
    /\bchunked\b/i.test(headers['transfer-encoding'] ?? '') ||
    isGzip(headers['content-encoding'])
  );
}
