import type { S3DestinationConfig } from '../config.ts';
import type { ExportFolder, Part } from './export-folder.ts';
import { S3Bucket } from './s3-bucket.ts';
import { createS3Client } from './s3-client.ts';
import type { PieceRules } from './s3-part.ts';
import { newS3Part, resumeS3Part } from './s3-part.ts';

const PARTS_FOLDER = '.export/parts';
/** A kill costs one or two pieces, and a download holds a few in memory. Files of up to 78 GiB are joined in one step. */
const PIECES: PieceRules = { pieceBytes: 8 * 1024 * 1024, maxPieces: 10_000 };

/** One for each destination of this process: it holds connections and credentials. */
const buckets = new WeakMap<S3DestinationConfig, S3Bucket>();

/**
 * Opens an export's place in a bucket; nothing is asked of S3 before it is used.
 *
 * @param path of the export below the destination, already checked
 * @param rules how files are cut; tests have smaller pieces
 */
export function openS3(destination: S3DestinationConfig, path: string, rules: PieceRules = PIECES): ExportFolder {
  let bucket = buckets.get(destination);
  if (bucket === undefined) {
    bucket = new S3Bucket(createS3Client(destination), destination.bucket);
    buckets.set(destination, bucket);
  }
  return new S3Folder(bucket, [destination.prefix ?? '', path].filter((text) => text !== '').join('/'), rules);
}

class S3Folder implements ExportFolder {
  readonly location: string;
  readonly #bucket: S3Bucket;
  readonly #prefix: string;
  readonly #rules: PieceRules;
  /** Names of what earlier attempts have left; listed once, because an attempt opens each part once. */
  #earlierParts: Promise<string[]> | undefined;

  constructor(bucket: S3Bucket, prefix: string, rules: PieceRules) {
    this.location = `s3://${bucket.name}/${prefix}`;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#rules = rules;
  }

  read(name: string): Promise<Buffer | undefined> {
    return this.#bucket.read(this.#key(name));
  }

  stream(name: string): AsyncIterable<Buffer> {
    return this.#bucket.stream(this.#key(name));
  }

  size(name: string): Promise<number | undefined> {
    return this.#bucket.size(this.#key(name));
  }

  write(name: string, content: string | Uint8Array): Promise<void> {
    return this.#bucket.write(this.#key(name), content);
  }

  create(name: string, content: string | Uint8Array): Promise<boolean> {
    return this.#bucket.create(this.#key(name), content);
  }

  list(folder: string): Promise<string[]> {
    return this.#bucket.names(`${this.#key(folder)}/`);
  }

  async remove(name: string): Promise<void> {
    if (name !== '') await this.#bucket.remove([this.#key(name)]);
    await this.#bucket.removeBelow(`${this.#key(name)}/`);
  }

  async openPart(label: string): Promise<Part> {
    const place = {
      bucket: this.#bucket,
      prefix: `${this.#key(PARTS_FOLDER)}/${label}.`,
      keyOf: (name: string) => this.#key(name),
      rules: this.#rules,
    };
    const earlier = await (this.#earlierParts ??= this.list(PARTS_FOLDER));
    return earlier.some((name) => name.startsWith(`${label}.`)) ? resumeS3Part(place) : newS3Part(place);
  }

  /** An object has its name when it is there. */
  async syncNames(): Promise<void> {}

  async freeSpace(): Promise<undefined> {
    return undefined;
  }

  async removeParts(): Promise<void> {
    // Uploads first: an attempt that still runs shall not find its pieces gone and its upload there.
    await this.#bucket.abortUploads(`${this.#prefix}/`);
    await this.remove(PARTS_FOLDER);
  }

  #key(name: string): string {
    return name === '' ? this.#prefix : `${this.#prefix}/${name}`;
  }
}
