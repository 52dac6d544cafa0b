import type { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type { S3Bucket } from './s3-bucket.ts';
import { isRefusal } from './s3-error.ts';

/** Bytes of a request: one for hundreds of gigabytes would be cut, sooner or later, and all of it read again. */
const RANGE = 64 * 1024 * 1024;
/** Requests in a row that may bring nothing; each goes on where the one before was cut. */
const TRIES = 3;

/**
 * Content of one version of an object of any size, in order.
 *
 * @param signal ends it at once, also while nothing comes
 * @param rangeBytes tests have smaller ranges
 */
export async function* readInRanges(
  bucket: S3Bucket,
  key: string,
  signal?: AbortSignal,
  rangeBytes = RANGE,
): AsyncIterable<Buffer> {
  const object = { Bucket: bucket.name, Key: key };
  const options = signal === undefined ? {} : { abortSignal: signal };
  const { ContentLength = 0, ETag } = await bucket.send(new HeadObjectCommand(object), options);
  let from = 0;
  let failed = 0;
  while (from < ContentLength) {
    const end = Math.min(from + rangeBytes, ContentLength);
    try {
      const range = { ...object, IfMatch: ETag, Range: `bytes=${from}-${end - 1}` };
      for await (const chunk of readRange(bucket, range, from, signal)) {
        if (from + chunk.length > end) throw new Error(`s3://${bucket.name}: more bytes came than were asked for`);
        from += chunk.length;
        if (chunk.length > 0) failed = 0;
        yield chunk;
      }
      if (from < end) throw new Error(`s3://${bucket.name}: an object ended after ${from} of ${end} bytes`);
    } catch (error) {
      signal?.throwIfAborted();
      if (isRefusal(error) || ++failed >= TRIES) throw error;
    }
  }
}

async function* readRange(
  bucket: S3Bucket,
  range: { Bucket: string; Key: string; IfMatch: string | undefined; Range: string },
  from: number,
  signal: AbortSignal | undefined,
): AsyncIterable<Buffer> {
  const options = signal === undefined ? {} : { abortSignal: signal };
  const { Body, ETag, ContentRange } = await bucket.send(new GetObjectCommand(range), options);
  const body = Body as Readable;
  // Whoever destroys it below need not hear of it.
  body.on('error', () => {});
  if (signal !== undefined) addAbortSignal(signal, body);
  try {
    if (ETag !== range.IfMatch) throw new Error(`s3://${bucket.name}: an object was changed while it was read`);
    // Without one it is the whole object, which only the first request can use.
    const begins = ContentRange === undefined ? 0 : Number(/^bytes (\d+)-/.exec(ContentRange)?.[1]);
    if (begins !== from) throw new Error(`s3://${bucket.name}: bytes from ${begins} came, not from ${from}`);
    yield* body as AsyncIterable<Buffer>;
  } finally {
    body.destroy();
  }
}
