import { randomUUID } from 'node:crypto';
import type { FileVersion, ResumePoint, ResumedPart } from '../folder.ts';
import type { S3Bucket } from './s3-bucket.ts';
import type { UploadedPiece } from './s3-upload.ts';

const RECORD = 'upload.json';
/** Attempts in a row after which an upload that gets no further is given up for pieces that are objects. */
export const MOST_FRUITLESS = 3;

/** `upload.json` in the folder of a part: a multipart upload, and what is known of the file up to the end of a piece. */
export interface UploadRecord {
  uploadId: string;
  /** Final name of the file. */
  name: string;
  /** Of each piece. */
  pieceBytes: number;
  /** Whether its pieces have checksums: S3 refuses a piece that is not as it was told. */
  sha256: boolean;
  /** How its object will be encrypted, tagged and stored; undefined when nothing was configured. */
  protection?: string;
  /** How many attempts in a row were refused, or have stored pieces and got no place to go on at. */
  fruitless: number;
  /** Where a later attempt can go on; undefined when it begins anew. */
  end?: UploadEnd;
}

/** The end of a piece, at which a later attempt can go on. */
export interface UploadEnd {
  version: FileVersion;
  /** In order, from number 1. */
  pieces: readonly UploadedPiece[];
  point: ResumePoint;
  /** Base64 of the bytes from that point to the end of the pieces. */
  tail: string;
}

/** An upload that an earlier attempt has left. */
export interface FoundUpload extends UploadRecord {
  /** Of the record. */
  key: string;
}

/**
 * The record of one attempt. It is taken away by the attempt that takes the upload over, so the earlier one notices that
 * nothing there is its own any more.
 */
export class OwnRecord {
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #key: string;
  #etag: string | undefined;

  /** @param prefix of the parts of the file, to which this attempt adds something of its own */
  constructor(bucket: S3Bucket, prefix: string) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#key = `${prefix}${randomUUID()}/${RECORD}`;
  }

  get isSaved(): boolean {
    return this.#etag !== undefined;
  }

  /** @throws Error when another attempt has taken over */
  async save(record: UploadRecord): Promise<void> {
    const etag = await this.#bucket.replace(this.#key, JSON.stringify(record), this.#etag);
    if (etag === undefined) throw new Error('another attempt has taken over the upload');
    this.#etag = etag;
  }

  /**
   * Whether no other attempt goes on with an upload. Where the storage knows no conditional writes this record may be
   * there although another attempt has taken it away, so those of others are looked at, too.
   */
  async isAlone(uploadId: string): Promise<boolean> {
    // Nobody has read of an upload that was never recorded.
    if (this.#etag === undefined) return true;
    if ((await this.#bucket.etag(this.#key)) !== this.#etag) return false;
    const keys: string[] = [];
    for await (const { key } of this.#bucket.list(this.#prefix)) if (key !== this.#key) keys.push(key);
    return (await findUploads(this.#bucket, keys)).every((other) => other.uploadId !== uploadId);
  }

  /** Removes it, if there is one. */
  async remove(): Promise<void> {
    if (this.#etag === undefined) return;
    await this.#bucket.remove([this.#key]);
    this.#etag = undefined;
  }
}

/** What earlier attempts have recorded. One that was removed meanwhile does not count, nor one that names no upload. */
export async function findUploads(bucket: S3Bucket, keys: readonly string[]): Promise<FoundUpload[]> {
  const found: FoundUpload[] = [];
  for (const key of keys) {
    if (!key.endsWith(`/${RECORD}`)) continue;
    const record = parse((await bucket.read(key))?.toString());
    if (record !== undefined) found.push({ ...record, key });
  }
  return found;
}

/** Bytes of the file that need not be fetched again. */
export function bytesOf({ pieceBytes, end }: UploadRecord): number {
  return end === undefined ? 0 : pieceBytes * end.pieces.length;
}

/** What a part says of it. */
export function resumedPart(record: UploadRecord): ResumedPart | undefined {
  const { end } = record;
  if (end === undefined) return undefined;
  const read = async function* (): AsyncIterable<Buffer> {
    yield Buffer.from(end.tail, 'base64');
  };
  return { bytes: bytesOf(record), version: end.version, from: end.point, read };
}

/** Of a damaged record, or one of another form, what is needed to give its upload up. */
function parse(text: string | undefined): UploadRecord | undefined {
  let value: Partial<UploadRecord> | null;
  try {
    value = JSON.parse(text ?? 'null') as Partial<UploadRecord> | null;
  } catch {
    return undefined;
  }
  const { uploadId, name, pieceBytes, sha256, protection, fruitless, end } = value ?? {};
  if (!isText(uploadId) || !isText(name)) return undefined;
  if (!isNumber(pieceBytes) || !isNumber(fruitless) || typeof sha256 !== 'boolean') {
    return { uploadId, name, pieceBytes: 0, sha256: false, fruitless: 0 };
  }
  const record = { uploadId, name, pieceBytes, sha256, fruitless, ...(isText(protection) ? { protection } : {}) };
  return end !== undefined && isEnd(end, pieceBytes) ? { ...record, end } : record;
}

function isEnd(end: Partial<UploadEnd> | null, pieceBytes: number): boolean {
  const { version, pieces, point, tail } = end ?? {};
  return (
    typeof version?.validator === 'string' &&
    (version.total === undefined || isNumber(version.total)) &&
    Array.isArray(pieces) &&
    pieces.length > 0 &&
    pieces.every((piece) => Array.isArray(piece) && piece.every(isText)) &&
    isNumber(point?.bytes) &&
    Object.values(point?.state ?? {}).every(isNumber) &&
    typeof tail === 'string' &&
    point.bytes + Buffer.from(tail, 'base64').length === pieceBytes * pieces.length
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
