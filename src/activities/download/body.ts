import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { HttpResponse } from '../../http/http-client.ts';

/** Bytes that gzip may unpack to before its ratio is looked at, and the ratio that no real NDJSON reaches. */
const BOMB_BYTES = 64 * 1024 * 1024;
const BOMB_RATIO = 200;
const BLOCK = 256 * 1024;

/** The content of a body, and how many bytes of it came over the wire. */
export interface Body {
  chunks: AsyncIterable<Buffer>;
  received(): number;
}

/** What is wrong with the content as such; the wire was all right. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
}

export function isGzip(encoding: string | undefined): boolean {
  return encoding !== undefined && /^\s*(x-)?gzip\s*$/i.test(encoding);
}

/** Opens a body with its content coding taken off; gzip of several members is one file. */
export function openBody({ body, headers }: HttpResponse): Body {
  let received = 0;
  if (isGzip(headers['content-encoding'])) {
    return { chunks: unpack(body, (bytes) => (received += bytes)), received: () => received };
  }
  async function* counted(): AsyncIterable<Buffer> {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      received += chunk.length;
      yield chunk;
    }
  }
  return { chunks: counted(), received: () => received };
}

async function* unpack(body: Readable, onReceived: (bytes: number) => number): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: BLOCK });
  let packed = 0;
  let unpacked = 0;
  body.on('data', (chunk: Buffer) => {
    packed = onReceived(chunk.length);
  });
  body.on('error', (error) => gunzip.destroy(error));
  for await (const chunk of body.pipe(gunzip) as AsyncIterable<Buffer>) {
    unpacked += chunk.length;
    if (unpacked > BOMB_BYTES && unpacked > packed * BOMB_RATIO) {
      throw new ContentError(`it unpacks to more than ${BOMB_RATIO} times its size`);
    }
    yield chunk;
  }
}

/** Whether the end of a body is told by HTTP; otherwise the connection just closes. */
export function endIsTold({ headers }: HttpResponse): boolean {
  return headers['content-length'] !== undefined || /\bchunked\b/i.test(headers['transfer-encoding'] ?? '');
}
