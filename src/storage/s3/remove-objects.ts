import type { S3Client } from '@aws-sdk/client-s3';
import { DeleteObjectsCommand } from '@aws-sdk/client-s3';
import { toS3Error } from './s3-error.ts';

/** Objects of one request (S3 API, DeleteObjects). */
export const DELETE_BATCH = 1000;
/** Requests for an object whose removal fails by a fault of the storage. */
const MOST_REQUESTS = 3;

/**
 * Removes as many objects as one request takes. Those of which the storage says that it was its own fault are worth
 * another request (S3 API, error responses, InternalError); the SDK asks again only when the whole answer is an error.
 *
 * @throws what could not be removed, as an error of the request
 */
export async function removeObjects(send: S3Client['send'], bucket: string, keys: readonly string[]): Promise<void> {
  let left = keys;
  for (let asked = 1; ; asked++) {
    const Objects = left.map((Key) => ({ Key }));
    const { Errors = [], $metadata } = await send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    );
    const faults = Errors.filter(({ Code }) => Code !== 'NoSuchKey');
    if (faults.length === 0) return;
    const named = new Set(faults.map(({ Key }) => Key));
    left = left.filter((key) => named.has(key));
    const isNamed = left.length === named.size;
    const fault = faults.find(({ Code }) => Code !== 'InternalError') ?? faults[0];
    if (asked < MOST_REQUESTS && isNamed && fault?.Code === 'InternalError') continue;
    const name = (fault?.Code ?? 'Error').replace(/[^\w.-]/g, '').slice(0, 80);
    const error = new Error(`s3://${bucket}: ${faults.length} objects could not be removed (${name})`);
    // As if it were the answer to a request of its own: most such faults pass (SlowDown, InternalError).
    throw toS3Error(Object.assign(error, { name, $metadata }), bucket);
  }
}
