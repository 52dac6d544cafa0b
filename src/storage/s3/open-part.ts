import type { Part } from '../folder.ts';
import type { PartPlace } from './s3-part.ts';
import { openS3Part } from './s3-part.ts';
import type { Earlier } from './s3-pieces.ts';
import { S3Upload, abortUpload } from './s3-upload.ts';
import type { FoundUpload } from './upload-record.ts';
import { MOST_FRUITLESS, OwnRecord, bytesOf, findUploads } from './upload-record.ts';
import { UploadedPart } from './uploaded-part.ts';

/**
 * Opens the part of a file. Its pieces go to an upload of the final object if its name is known. They are objects when
 * attempts at an upload came to nothing, or earlier attempts have left such.
 *
 * @param name its final name, if it is known
 */
export async function openPart(place: PartPlace, name: string | undefined, earlier: Earlier): Promise<Part> {
  const { bucket, keyOf } = place;
  const uploads = await findUploads(bucket, earlier.keys);
  const isFruitless = uploads.some(({ fruitless }) => fruitless >= MOST_FRUITLESS);
  if (name !== undefined && earlier.best === undefined && !isFruitless) {
    return openUploadedPart(place, name, uploads, earlier.keys);
  }
  // Before their records: whoever is killed in between must find them again.
  for (const upload of uploads) await abortUpload(bucket, keyOf(upload.name), upload.uploadId);
  if (earlier.best !== undefined || !isFruitless) return openS3Part(place, earlier);
  // Until pieces are there, later attempts must know why they are to be objects.
  const kept = new Set(uploads.map(({ key }) => key));
  return openS3Part(place, { best: undefined, keys: earlier.keys.filter((key) => !kept.has(key)) });
}

/**
 * Goes on with the upload that an earlier attempt has left, if one has. The earlier one notices that its record is gone,
 * and stops. An upload without a place to go on at is given up: what was stored of it may be of another version of the
 * file, and not every storage looks at which pieces an object is to be made of.
 */
async function openUploadedPart(
  place: PartPlace,
  name: string,
  uploads: readonly FoundUpload[],
  keys: readonly string[],
): Promise<Part> {
  const { bucket, prefix, keyOf } = place;
  const [best] = uploads
    .filter((upload) => upload.name === name && upload.pieceBytes > 0)
    .filter((upload) => upload.end !== undefined && (upload.protection ?? '{}') === bucket.protection)
    .sort((one, other) => bytesOf(other) - bytesOf(one));
  const record = new OwnRecord(bucket, prefix);
  // Rules of many buckets give uploads up when they are some days old.
  const isThere = best !== undefined && (await new S3Upload(bucket, keyOf(name), best).exists()) !== false;
  const fruitless = isThere ? best.fruitless : Math.max(0, ...uploads.map((upload) => upload.fruitless));
  // Also of an upload that is given up next, when it counts: the next attempt may be killed before it has one of its own.
  const kept = isThere ? best : uploads.find((upload) => upload.fruitless === fruitless && fruitless > 0);
  if (kept !== undefined) {
    const { key: _, end, ...taken } = kept;
    await record.save(isThere && end !== undefined ? { ...taken, end } : taken);
  }
  // Several records may be of one upload, which one attempt has taken over from another.
  for (const other of uploads.filter(({ uploadId }) => !isThere || uploadId !== best.uploadId)) {
    await abortUpload(bucket, keyOf(other.name), other.uploadId);
  }
  await bucket.remove(keys);
  return new UploadedPart(place, name, { record, fruitless, taken: isThere ? best : undefined });
}
