import type { CompletedPart } from '@aws-sdk/client-s3';
import { CompleteMultipartUploadCommand, CreateMultipartUploadCommand, UploadPartCommand } from '@aws-sdk/client-s3';
import type { Condition, S3Bucket } from './s3-bucket.ts';
import { contentType } from './s3-bucket.ts';

/** A piece that an upload has: its number there, its length, and what proves that it is this one. */
export type UploadedPiece = readonly [number: number, bytes: number, etag: string, crc32?: string];

/**
 * A multipart upload: pieces that nobody sees, until they become an object at once. Anybody who knows its id can go on
 * with it, or give it up.
 */
export class S3Upload {
  readonly id: string;
  readonly #bucket: S3Bucket;
  readonly #key: string;

  constructor(bucket: S3Bucket, key: string, id: string) {
    this.#bucket = bucket;
    this.#key = key;
    this.id = id;
  }

  static async begin(bucket: S3Bucket, key: string): Promise<S3Upload> {
    // Where the SDK sends checksums of pieces, S3 wants to know beforehand.
    const checksums = (await bucket.sendsChecksums()) ? ({ ChecksumAlgorithm: 'CRC32' } as const) : {};
    const { UploadId = '' } = await bucket.send(
      new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: key, ...contentType(key), ...checksums }),
    );
    return new S3Upload(bucket, key, UploadId);
  }

  /** Stores a piece, over an earlier one of that number. */
  async put(number: number, piece: Buffer): Promise<UploadedPiece> {
    const { ETag = '', ChecksumCRC32 } = await this.#bucket.send(
      new UploadPartCommand({ ...this.#target, PartNumber: number, Body: piece, ContentLength: piece.length }),
    );
    return ChecksumCRC32 === undefined ? [number, piece.length, ETag] : [number, piece.length, ETag, ChecksumCRC32];
  }

  /** Makes the object; fails when a piece is another one meanwhile. */
  async complete(pieces: readonly UploadedPiece[], condition: Condition): Promise<void> {
    const Parts = pieces.map(([PartNumber, , ETag, ChecksumCRC32]): CompletedPart => {
      return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) };
    });
    await this.#bucket.send(
      new CompleteMultipartUploadCommand({ ...this.#target, MultipartUpload: { Parts }, ...condition }),
    );
  }

  /** Nothing happens when it has ended. */
  async abort(): Promise<void> {
    await this.#bucket.abortUpload(this.#key, this.id);
  }

  get #target(): { Bucket: string; Key: string; UploadId: string } {
    return { Bucket: this.#bucket.name, Key: this.#key, UploadId: this.id };
  }
}
