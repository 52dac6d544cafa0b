import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { NetworkError } from './network-error.ts';

/** How a coding is undone, unless more bytes than this come out. */
type Undo = (body: Buffer, maxOutputLength: number) => Promise<Buffer>;

/** A whole body at a time, in the thread pool. */
const [gunzipAll, inflateAll, inflateRawAll, brotliAll] = [
  promisify<Buffer, object, Buffer>(gunzip),
  promisify<Buffer, object, Buffer>(inflate),
  promisify<Buffer, object, Buffer>(inflateRaw),
  promisify<Buffer, object, Buffer>(brotliDecompress),
];

const CODINGS: Readonly<Record<string, Undo>> = {
  gzip: undoGzip,
  'x-gzip': undoGzip,
  // RFC 9110, 8.4.1.2: some servers send it without the zlib header.
  deflate: (body, maxOutputLength) => (hasZlibHeader(body) ? inflateAll : inflateRawAll)(body, { maxOutputLength }),
  br: (body, maxOutputLength) => brotliAll(body, { maxOutputLength }),
};

/** More bytes came than may be held. */
export class TooLongError extends NetworkError {
  constructor(most: number) {
    super(`the answer is longer than ${most} bytes`, true);
  }
}

/**
 * Undoes the codings of a body. Requests ask for none, but some proxies compress everything. A body of an unknown coding
 * is left as it is: some servers write a character set there.
 *
 * @param codings the header `Content-Encoding`
 * @param most bytes that may come out
 * @throws NetworkError when more come out, or the body is not what the header says
 */
export async function decode(body: Buffer, codings: string | undefined, most: number): Promise<Buffer> {
  let decoded = body;
  for (const coding of (codings ?? '').toLowerCase().split(',').toReversed()) {
    const undo = Object.hasOwn(CODINGS, coding.trim()) ? CODINGS[coding.trim()] : undefined;
    if (undo === undefined || decoded.length === 0) continue;
    try {
      decoded = await undo(decoded, most);
    } catch (error) {
      const isLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      throw isLong
        ? new TooLongError(most)
        : new NetworkError(`the answer is not the ${coding.trim()} that it says it is`, true);
    }
  }
  return decoded;
}

async function undoGzip(body: Buffer, maxOutputLength: number): Promise<Buffer> {
  // A proxy that has unpacked the body may have left the header.
  if (body[0] !== 0x1f || body[1] !== 0x8b) return body;
  return gunzipAll(body, { maxOutputLength });
}

/** RFC 1950, 2.2. */
function hasZlibHeader(body: Buffer): boolean {
  return body.length > 1 && ((body[0] as number) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
}
