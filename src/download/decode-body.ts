import type { Duplex, TransformOptions } from 'node:stream';
import { PassThrough } from 'node:stream';
import type { Gunzip, ZlibOptions } from 'node:zlib';
import { createGunzip } from 'node:zlib';
import type { Take } from '../http/http-body.ts';
import { release } from '../http/slabs.ts';
import type { HttpResponse } from '../http/messages.ts';
import { ContentError } from './content-error.ts';
import { freeWhenReleased } from './free-memory.ts';
import { PackedEnd } from './packed-end.ts';

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
 * Receives a body with its content coding taken off; gzip of several members is one file. A body that does not begin as
 * gzip does is taken as it is: a proxy that has unpacked it may have left the header.
 *
 * @param unwrap takes the content out of what it is wrapped in
 * @returns bytes that came over the wire, and whether gzip was taken off
 * @throws as {@link HttpBody.receive}; ContentError; `Z_…` when gzip is broken or cut
 */
export async function receiveBody(
  { body, headers }: HttpResponse,
  unwrap: ((chunks: AsyncIterable<Buffer>) => AsyncIterable<Buffer>) | undefined,
  take: Take,
): Promise<{ received: number; wasGzip: boolean }> {
  let received = 0;
  const saysGzip = isGzip(headers['content-encoding']);
  if (!saysGzip && unwrap === undefined) {
    await body.receive((chunk) => {
      received += chunk.length;
      return take(chunk);
    });
    return { received, wasGzip: false };
  }
  let wasGzip = saysGzip;
  let begun: (decoder: Duplex) => void = () => {};
  const beginning = new Promise<Duplex>((resolve) => (begun = resolve));
  let decoder: Duplex | undefined;
  const end = new PackedEnd();
  const begin = (first?: Buffer): Duplex => {
    wasGzip &&= first === undefined || beginsAsGzip(first);
    const begunDecoder = wasGzip ? createGunzip(GUNZIP) : new PassThrough({ highWaterMark: BLOCK });
    // Whoever reads hears of it.
    begunDecoder.on('error', () => {});
    begun(begunDecoder);
    return begunDecoder;
  };
  const receiving = body.receive((chunk) => {
    received += chunk.length;
    const into = (decoder ??= begin(chunk));
    if (wasGzip) end.add(chunk);
    // What only passes through is still in use when it has been written.
    const isCopied = saysGzip && !wasGzip;
    const isRead = saysGzip ? () => release(chunk) : undefined;
    if (!into.destroyed) return into.write(isCopied ? Buffer.from(chunk) : chunk, isRead) ? undefined : isReady(into);
    // Gzip has ended: this is padding, or wrong.
    isRead?.();
    return undefined;
  });
  void receiving.then(
    () => (decoder ??= begin()).end(),
    (error: unknown) => (decoder ??= begin()).destroy(error as Error),
  );
  async function* decoded(): AsyncGenerator<Buffer> {
    let unpacked = 0;
    for await (const chunk of (await beginning) as AsyncIterable<Buffer>) {
      unpacked += chunk.length;
      checkRatio(unpacked, received);
      // All of it is ours when we have been given every byte of it.
      if (wasGzip) freeWhenReleased(chunk.buffer as ArrayBuffer);
      yield chunk;
    }
  }
  try {
    for await (const chunk of unwrap?.(decoded()) ?? decoded()) await take(chunk);
    if (wasGzip) {
      await receiving;
      end.check(decoder as Gunzip);
    }
  } finally {
    body.destroy();
  }
  return { received, wasGzip };
}

/** Waits until a stream takes more, or takes nothing any more: why, its reader hears. */
function isReady(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      stream.off('drain', go).off('close', go);
      resolve();
    };
    stream.on('drain', go).on('close', go);
  });
}

/** RFC 1952, 2.3.1. No JSON does. */
function beginsAsGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && (bytes.length === 1 || bytes[1] === 0x8b);
}

/** @throws ContentError when gzip unpacks to more than any real NDJSON would */
export function checkRatio(unpacked: number, packed: number): void {
  if (unpacked > BOMB_BYTES && unpacked > packed * BOMB_RATIO) {
    throw new ContentError(`it unpacks to more than ${BOMB_RATIO} times its size`);
  }
}

/**
 * Whether HTTP or gzip says where a body ends; otherwise the connection just closes, as it does when it is cut.
 *
 * @param wasGzip it was taken off
 */
export function endIsProved({ headers }: HttpResponse, wasGzip: boolean): boolean {
  return headers['content-length'] !== undefined || /\bchunked\b/i.test(headers['transfer-encoding'] ?? '') || wasGzip;
}
