import type { Part } from '../folder.ts';
import type { PartPlace } from './s3-part.ts';
import { openS3Part } from './s3-part.ts';
import type { Earlier } from './s3-pieces.ts';
import { S3Upload, abortUpload } from './s3-upload.ts';
import { SizedPart } from './sized-part.ts';
import type { FoundUpload } from './upload-record.ts';
import { MOST_FRUITLESS, OwnRecord, bytesOf, findUploads } from './upload-record.ts';
import { UploadedPart } from './uploaded-part.ts';

/**
 * Opens the part of a file. Its pieces go to an upload of the final object if its name is known. They are objects when
 * attempts at an upload came to nothing, or earlier attempts have left more of such than an upload has.
 *
 * @param name its final name, if it is known
 * @param signal ends the copying of pieces
 */
export async function openPart(
  place: PartPlace,
  name: string | undefined,
  earlier: Earlier,
  signal?: AbortSignal,
): Promise<Part> {
  const { bucket, keyOf } = place;
  const uploads = await findUploads(bucket, earlier.keys);
  const best = bestOf(uploads, name, bucket.protection);
  // Rules of many buckets end uploads that are some days old, and so do some storages: another one would be ended, too.
  const hasEnded = best !== undefined && (await new S3Upload(bucket, keyOf(best.name), best).exists()) === false;
  const taken = hasEnded ? undefined : best;
  const counts = taken === undefined ? uploads.map(({ fruitless }) => fruitless) : [taken.fruitless];
  const fruitless = hasEnded ? MOST_FRUITLESS : Math.max(0, ...counts);
  const isFruitless = fruitless >= MOST_FRUITLESS;
  const hasMore = earlier.best !== undefined && earlier.best.bytes >= (taken === undefined ? 0 : bytesOf(taken));
  if (name !== undefined && !hasMore && !isFruitless) {
    return openUploadedPart(place, name, { uploads, taken, fruitless, keys: earlier.keys });
  }
  // Before their records: whoever is killed in between must find them again.
  const alive = await giveUp(place, uploads);
  const keys = earlier.keys.filter((key) => !alive.has(key));
  if (earlier.best !== undefined || !isFruitless) return openS3Part(place, { ...earlier, keys }, signal);
  // Until pieces are there, later attempts must know why they are to be objects.
  const kept = new Set(uploads.map(({ key }) => key));
  return openS3Part(place, { best: undefined, keys: keys.filter((key) => !kept.has(key)) });
}

/** The upload of which most is stored, and can be gone on with. */
function bestOf(
  uploads: readonly FoundUpload[],
  name: string | undefined,
  protection: string,
): FoundUpload | undefined {
  return uploads
    .filter((upload) => upload.name === name && upload.pieceBytes > 0)
    .filter((upload) => upload.end !== undefined && (upload.protection ?? '{}') === protection)
    .toSorted((one, other) => bytesOf(other) - bytesOf(one))[0];
}

/** What earlier attempts have left. */
interface Left {
  uploads: readonly FoundUpload[];
  /** The upload that is gone on with. */
  taken: FoundUpload | undefined;
  /** Attempts in a row that came to nothing. */
  fruitless: number;
  /** Of all objects. */
  keys: readonly string[];
}

/**
 * Goes on with the upload that an earlier attempt has left, if one has. The earlier one notices that its record is gone,
 * and stops. An upload without a place to go on at is given up: what was stored of it may be of another version of the
 * file, and not every storage looks at which pieces an object is to be made of.
 */
async function openUploadedPart(
  place: PartPlace,
  name: string,
  { uploads, taken, fruitless, keys }: Left,
): Promise<Part> {
  const { bucket, prefix } = place;
  const record = new OwnRecord(bucket, prefix);
  // Also of an upload that is given up next, when it counts: the next attempt may be killed before it has one of its own.
  const kept = taken ?? uploads.find((upload) => upload.fruitless === fruitless && fruitless > 0);
  if (kept !== undefined) {
    const { key: _, end, ...known } = kept;
    await record.save(taken !== undefined && end !== undefined ? { ...known, end } : known);
  }
  // Several records may be of one upload, which one attempt has taken over from another.
  const others = uploads.filter(({ uploadId }) => uploadId !== taken?.uploadId);
  const alive = await giveUp(place, others);
  await bucket.remove(keys.filter((key) => !alive.has(key)));
  return new SizedPart(place, new UploadedPart(place, name, { record, fruitless, taken }));
}

/**
 * Gives uploads up, as they were read: an opener that has slept since then must not take one from those who have gone on.
 *
 * @returns keys of the records of those that have got further
 */
async function giveUp({ bucket, keyOf }: PartPlace, uploads: readonly FoundUpload[]): Promise<Set<string>> {
  const alive = new Set<string>();
  for (const upload of uploads) {
    const [now] = await findUploads(bucket, [upload.key]);
    // Its own attempt has given it up, or another one has taken it over.
    if (now === undefined) continue;
    if (bytesOf(now) > bytesOf(upload)) alive.add(upload.key);
    else await abortUpload(bucket, keyOf(upload.name), upload.uploadId);
  }
  return alive;
}
