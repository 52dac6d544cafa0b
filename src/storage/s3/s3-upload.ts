import type {
  CompletedPart,
  ListMultipartUploadsCommandInput,
  ListMultipartUploadsCommandOutput,
} from '@aws-sdk/client-s3';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Condition, S3Bucket } from './s3-bucket.ts';
import { contentType } from './content-type.ts';
import { isAbsent, isEndedUpload, isRefusal, statusOf } from './s3-error.ts';
import { sumOf } from './sha256-sums.ts';

/** What proves of a piece that an upload has that it is this one. */
export type UploadedPiece = readonly [etag: string, sha256?: string];

/**
 * A multipart upload: pieces that nobody sees, until they become an object at once. Anybody who knows its id can go on
 * with it, or give it up.
 */
export class S3Upload {
  readonly id: string;
  readonly #bucket: S3Bucket;
  readonly #key: string;
  /** Whether its pieces have checksums, which was said when it was begun. */
  readonly sha256: boolean;

  constructor(bucket: S3Bucket, key: string, { uploadId, sha256 }: { uploadId: string; sha256: boolean }) {
    this.#bucket = bucket;
    this.#key = key;
    this.id = uploadId;
    this.sha256 = sha256;
  }

  static async begin(bucket: S3Bucket, key: string): Promise<S3Upload> {
    const create = { Bucket: bucket.name, Key: key, ...contentType(key) };
    const { UploadId = '', ChecksumAlgorithm } = await bucket.sums.begin((algorithm) =>
      bucket.send(new CreateMultipartUploadCommand({ ...create, ...algorithm })),
    );
    return new S3Upload(bucket, key, { uploadId: UploadId, sha256: ChecksumAlgorithm === 'SHA256' });
  }

  /** Stores a piece, over an earlier one of that number. */
  async put(number: number, piece: Buffer): Promise<UploadedPiece> {
    const sum = this.sha256 ? sumOf(piece) : undefined;
    const part = { ...this.#target, PartNumber: number, Body: piece, ContentLength: piece.length, ...sum };
    const { ETag } = await this.#bucket.send(new UploadPartCommand(part));
    if (ETag === undefined || ETag === '') throw wrongPieces(`s3://${this.#bucket.name}: a piece has no ETag`);
    return sum === undefined ? [ETag] : [ETag, sum.ChecksumSHA256];
  }

  /** Whether it has not ended; undefined when the storage does not say, or has not given the right to ask. */
  async exists(): Promise<boolean | undefined> {
    try {
      await this.#bucket.send(new ListPartsCommand({ ...this.#target, MaxParts: 1 }));
      return true;
    } catch (error) {
      if (isEndedUpload(error)) return false;
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  /**
   * Whether a piece could not be stored because the upload has ended, or may have. The answer to a large piece gets lost
   * when the storage closes the connection before it has read it.
   */
  async hasEnded(error: unknown): Promise<boolean> {
    return isEndedUpload(error) || (await this.exists().catch(() => true)) !== true;
  }

  /**
   * Makes the object; fails when a piece is another one meanwhile.
   *
   * @param pieces from number 1
   * @returns the ETag of the object, when the storage says it
   */
  async complete(pieces: readonly UploadedPiece[], condition: Condition): Promise<string | undefined> {
    const Parts = pieces.map(([ETag, ChecksumSHA256], place): CompletedPart => {
      return { PartNumber: place + 1, ETag, ...(ChecksumSHA256 === undefined ? {} : { ChecksumSHA256 }) };
    });
    const { ETag } = await this.#bucket.send(
      new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload: { Parts }, ...condition }),
    );
    return ETag;
  }

  /**
   * Makes the object, never over an earlier one: false when there is one.
   *
   * @param bytes of all pieces: not every storage looks at which of them an object is to be made of
   * @param mayPublish asked right before each try
   */
  async publish(pieces: readonly UploadedPiece[], bytes: number, mayPublish: () => Promise<void>): Promise<boolean> {
    const [bucket, key] = [this.#bucket, this.#key];
    // Whoever has published it first has ended the upload, too.
    if ((await bucket.size(key)) !== undefined) return false;
    let etag: string | undefined;
    try {
      const published = await bucket.once(key, async (condition) => {
        await mayPublish();
        etag = await this.complete(pieces, condition);
      });
      if (!published) return false;
    } catch (error) {
      // The answer to an upload that was completed got lost, and the SDK asked again; or somebody else was first.
      if (isEndedUpload(error) && (await bucket.size(key)) !== undefined) return false;
      throw error;
    }
    const made = await bucket.head(key);
    if (made === undefined || made.ContentLength === bytes) return true;
    // Where names cannot be conditional, another attempt may have published its own over it.
    if (etag === undefined || bare(made.ETag) !== bare(etag)) return false;
    await mayPublish();
    await bucket.remove([key]);
    throw wrongPieces(`s3://${bucket.name}: an object of ${made.ContentLength} bytes was made of pieces of ${bytes}`);
  }

  /** Nothing happens when it has ended. */
  async abort(): Promise<void> {
    await abortUpload(this.#bucket, this.#key, this.id);
  }

  get #target(): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.#bucket.name, Key: this.#key, UploadId: this.id };
  }
}

/** As by a storage that looks at the pieces itself. */
function wrongPieces(message: string): Error {
  return Object.assign(new Error(message), { name: 'InvalidPart' });
}

/** Not every storage quotes it in all of its answers. */
function bare(etag: string | undefined): string | undefined {
  return etag?.replaceAll('"', '');
}

/**
 * Gives up uploads whose keys begin so.
 *
 * @param isOurs of the rest of a key; default: all are
 */
export async function abortUploads(
  bucket: S3Bucket,
  prefix: string,
  isOurs: (name: string) => boolean = () => true,
): Promise<void> {
  let next: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> | undefined = {};
  while (next !== undefined) {
    const page: ListMultipartUploadsCommandOutput = await bucket.send(
      new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: prefix, ...next }),
    );
    for (const { Key = '', UploadId = '' } of page.Uploads ?? []) {
      if (isOurs(Key.slice(prefix.length))) await abortUpload(bucket, Key, UploadId);
    }
    next = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
}

/** Gives up an upload; nothing happens when it has ended, or never was one. */
export async function abortUpload(bucket: S3Bucket, key: string, uploadId: string): Promise<void> {
  try {
    await bucket.send(new AbortMultipartUploadCommand({ Bucket: bucket.name, Key: key, UploadId: uploadId }));
  } catch (error) {
    if (!isAbsent(error) && statusOf(error) !== 400) throw error;
  }
}
