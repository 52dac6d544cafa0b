import { randomUUID } from 'node:crypto';
import type { Part } from '../folder.ts';
import type { PartPlace } from './s3-part.ts';
import { S3Upload, abortUpload } from './s3-upload.ts';
import type { UploadCheckpoint } from './upload-checkpoint.ts';
import { OwnCheckpoint, findUploads } from './upload-checkpoint.ts';
import { UploadedPart } from './uploaded-part.ts';

/**
 * Numbers of pieces that are left for each attempt that may still run though another has taken over: it stores one or two
 * more until it notices. Those of the attempt so many takeovers ago are used again.
 */
const LEFT = 4;
const ATTEMPTS = 4;

/**
 * Opens the part of a file whose final name is known. When an earlier attempt has left an upload, this one goes on with
 * it; the earlier one notices that its checkpoint is gone, and stops.
 *
 * @param keys below the prefix of the place, of all that earlier attempts have left
 */
export async function openUploadedPart(place: PartPlace, name: string, keys: readonly string[]): Promise<Part> {
  const { bucket, prefix, keyOf } = place;
  const { best, others } = await findUploads(bucket, keys, name);
  const own = new OwnCheckpoint(bucket, `${prefix}${randomUUID()}/`);
  const next = best === undefined ? 1 : firstNumber(best);
  // Rules of many buckets give uploads up when they are some days old.
  const isThere = best !== undefined && (await new S3Upload(bucket, keyOf(name), best.uploadId).exists(next - 1));
  const taken = isThere ? { ...best, takeovers: best.takeovers + 1 } : undefined;
  if (taken !== undefined) await own.save(taken);
  await bucket.remove(keys);
  for (const other of others) await abortUpload(bucket, keyOf(other.name), other.uploadId);
  return new UploadedPart(place, name, own, taken && { ...taken, next });
}

function firstNumber({ pieces, takeovers }: UploadCheckpoint): number {
  const last = pieces.at(-1)?.[0] ?? 0;
  return last + 1 + LEFT * (1 + (takeovers % ATTEMPTS));
}
