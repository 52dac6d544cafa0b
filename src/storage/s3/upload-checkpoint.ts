import type { FileVersion, ResumePoint } from '../folder.ts';
import type { S3Bucket } from './s3-bucket.ts';
import type { UploadedPiece } from './s3-upload.ts';

const CHECKPOINT = 'upload.json';

/** `upload.json` in the folder of a part: what is durable of a file whose pieces are in a multipart upload. */
export interface UploadCheckpoint extends FileVersion, ResumePoint {
  uploadId: string;
  /** Final name of the file. */
  name: string;
  /** In order. */
  pieces: readonly UploadedPiece[];
  /** How often an attempt has gone on with the upload of an earlier one. */
  takeovers: number;
}

/**
 * The checkpoint of one attempt. It is taken away by the attempt that takes the upload over, so the earlier one notices
 * that nothing there is its own any more.
 */
export class OwnCheckpoint {
  readonly #bucket: S3Bucket;
  readonly #key: string;
  #etag: string | undefined;

  constructor(bucket: S3Bucket, folder: string) {
    this.#bucket = bucket;
    this.#key = `${folder}${CHECKPOINT}`;
  }

  /** @throws Error when another attempt has taken over */
  async save(checkpoint: UploadCheckpoint): Promise<void> {
    const etag = await this.#bucket.replace(this.#key, JSON.stringify(checkpoint), this.#etag);
    if (etag === undefined) throw new Error('another attempt has taken over the upload');
    this.#etag = etag;
  }

  /** Removes it, if there is one. @returns false when another attempt has taken over */
  async remove(): Promise<boolean> {
    if (this.#etag === undefined) return true;
    if ((await this.#bucket.etag(this.#key)) !== this.#etag) return false;
    await this.#bucket.remove([this.#key]);
    this.#etag = undefined;
    return true;
  }
}

/**
 * What earlier attempts have left below a prefix: the checkpoint with the longest beginning of that file, and all others.
 */
export async function findUploads(
  bucket: S3Bucket,
  keys: readonly string[],
  name: string,
): Promise<{ best: UploadCheckpoint | undefined; others: UploadCheckpoint[] }> {
  const found: UploadCheckpoint[] = [];
  for (const key of keys) {
    if (!key.endsWith(`/${CHECKPOINT}`)) continue;
    const checkpoint = parse(await bucket.read(key));
    if (checkpoint !== undefined) found.push(checkpoint);
  }
  const [best, ...others] = found
    .filter((checkpoint) => checkpoint.name === name)
    .sort((one, other) => other.bytes - one.bytes);
  // Several may be of one upload, which one attempt has taken over from another.
  const unwanted = [...others, ...found.filter((checkpoint) => checkpoint.name !== name)];
  return { best, others: unwanted.filter(({ uploadId }) => uploadId !== best?.uploadId) };
}

/** A damaged one does not count, and its file is fetched from the start; neither does one that was removed meanwhile. */
function parse(content: Buffer | undefined): UploadCheckpoint | undefined {
  try {
    return content === undefined ? undefined : (JSON.parse(content.toString()) as UploadCheckpoint);
  } catch {
    return undefined;
  }
}
