import type { CompletedPart } from '@aws-sdk/client-s3';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { mapLimited } from '../map-limited.ts';
import type { Condition, S3Bucket, StoredObject } from './s3-bucket.ts';
import { contentType } from './content-type.ts';
import { isEndedUpload } from './s3-error.ts';
import { abortUpload } from './s3-upload.ts';
import { PARALLEL, sum } from './s3-pieces.ts';

/**
 * Joins pieces to one object on the server's side, never over an earlier object: false when there is one. All pieces
 * but the last must have 5 MiB or more.
 *
 * @param maxPieces that one upload may have; more are joined to larger ones first
 * @param folder for those larger ones
 * @param mayPublish asked when all has been copied, right before the object gets its name
 */
export async function assemble(
  bucket: S3Bucket,
  pieces: readonly StoredObject[],
  key: string,
  { maxPieces, folder, mayPublish }: { maxPieces: number; folder: string; mayPublish: () => Promise<void> },
): Promise<boolean> {
  // The condition is only looked at when all has been copied.
  if ((await bucket.size(key)) !== undefined) return false;
  const few = pieces.length <= maxPieces ? pieces : await joinInGroups(bucket, pieces, maxPieces, folder);
  try {
    return await bucket.once(key, (condition) => join(bucket, few, key, condition, mayPublish));
  } catch (error) {
    // The answer to an upload that was completed got lost, and the SDK asked again.
    if (isEndedUpload(error) && (await bucket.size(key)) !== undefined) return false;
    throw error;
  }
}

async function joinInGroups(
  bucket: S3Bucket,
  pieces: readonly StoredObject[],
  maxPieces: number,
  folder: string,
): Promise<StoredObject[]> {
  const size = Math.ceil(pieces.length / maxPieces);
  const groups: StoredObject[] = [];
  for (let from = 0; from < pieces.length; from += size) {
    const group = pieces.slice(from, from + size);
    const key = `${folder}group-${groups.length + 1}`;
    await join(bucket, group, key, {});
    groups.push({ key, bytes: sum(group) });
  }
  return groups;
}

async function join(
  bucket: S3Bucket,
  pieces: readonly StoredObject[],
  key: string,
  condition: Condition,
  mayPublish = async (): Promise<void> => {},
): Promise<void> {
  const object = { Bucket: bucket.name, Key: key };
  const { UploadId } = await bucket.send(new CreateMultipartUploadCommand({ ...object, ...contentType(key) }));
  const upload = { ...object, UploadId };
  try {
    const Parts = await mapLimited(pieces, PARALLEL, async (piece, place): Promise<CompletedPart> => {
      const PartNumber = place + 1;
      const CopySource = bucket.sourceOf(piece.key);
      const { CopyPartResult } = await bucket.send(new UploadPartCopyCommand({ ...upload, PartNumber, CopySource }));
      // With its checksums, where the endpoint makes some: S3 wants them back.
      const { LastModified: _, ...part } = CopyPartResult ?? {};
      return { ...part, PartNumber };
    });
    await mayPublish();
    await bucket.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...condition }));
  } catch (error) {
    // Parts of an upload are paid for until it is given up. What failed matters more than whether this does, and
    // `removeParts` does it again.
    await abortUpload(bucket, key, UploadId as string).catch(() => {});
    throw error;
  }
}
