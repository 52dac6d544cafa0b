import type { S3Config } from './s3-schema.ts';
import type { Folder, Neighbour, Part } from '../folder.ts';
import { DELETE_BATCH } from './remove-objects.ts';
import { S3Bucket } from './s3-bucket.ts';
import { createS3Client } from './s3-client.ts';
import { openPart } from './open-part.ts';
import type { PieceRules } from './piece-rules.ts';
import { protectionOf } from './protection.ts';
import { readInRanges } from './read-ranges.ts';
import { findEarlier } from './s3-pieces.ts';
import { S3Upload, abortUpload, abortUploads } from './s3-upload.ts';
import { findUploads } from './upload-record.ts';

import { PARTS_FOLDER, WORK_FOLDER } from '../work-folder.ts';

/** Folders below a place that are looked into. */
const MOST_FOLDERS = 1000;
/** A kill costs one or two pieces, and a download holds as many in memory; with smaller ones 10,000 were soon used up. */
const PIECES: PieceRules = { pieceBytes: 8 * 1024 * 1024, maxPieces: 10_000 };

/** One for each destination of this process: it holds connections and credentials. */
const buckets = new WeakMap<S3Config, S3Bucket>();

/**
 * Opens a place in a bucket; no request is sent to S3 before it is used.
 *
 * @param path of the place below the destination, already checked
 * @param rules how files are cut; tests have smaller pieces
 */
export function openS3(destination: S3Config, path: string, rules: PieceRules = PIECES): Folder {
  return new S3Folder(bucketOf(destination), destination.prefix ?? '', path, rules);
}

/** Asks the bucket what needs the same rights as an export, and changes nothing. @throws what speaks against one */
export async function lookAtS3(destination: S3Config): Promise<void> {
  const bucket = bucketOf(destination);
  const key = below(destination.prefix ?? '', 'manifest.json');
  await bucket.requireThere(key);
  await bucket.size(key);
}

function bucketOf(destination: S3Config): S3Bucket {
  let bucket = buckets.get(destination);
  if (bucket === undefined) {
    bucket = new S3Bucket(createS3Client(destination), destination.bucket, protectionOf(destination));
    buckets.set(destination, bucket);
  }
  return bucket;
}

class S3Folder implements Folder {
  readonly location: string;
  readonly mayChange: () => Promise<void>;
  readonly #bucket: S3Bucket;
  readonly #root: string;
  readonly #path: string;
  readonly #prefix: string;
  readonly #rules: PieceRules;
  /** Names of what earlier attempts have left; listed once, because an attempt opens each part once. */
  #earlierParts: Promise<string[]> | undefined;

  constructor(
    bucket: S3Bucket,
    root: string,
    path: string,
    rules: PieceRules,
    mayChange = async (): Promise<void> => {},
  ) {
    this.#bucket = bucket;
    this.#root = root;
    this.#path = path;
    this.#prefix = below(root, path);
    this.location = `s3://${bucket.name}/${this.#prefix}`;
    this.#rules = rules;
    this.mayChange = mayChange;
  }

  guardedBy(mayChange: () => Promise<void>): Folder {
    return new S3Folder(this.#bucket, this.#root, this.#path, this.#rules, mayChange);
  }

  read(name: string): Promise<Buffer | undefined> {
    return this.#bucket.read(this.#key(name));
  }

  stream(name: string, signal?: AbortSignal): AsyncIterable<Buffer> {
    return readInRanges(this.#bucket, this.#key(name), signal);
  }

  size(name: string): Promise<number | undefined> {
    return this.#bucket.size(this.#key(name));
  }

  async lastChange(name: string): Promise<number | undefined> {
    return (await this.#bucket.head(this.#key(name)))?.LastModified?.getTime();
  }

  /** An object of the folder's own name is somebody else's. */
  async lastChangeIn(folder: string, except?: string): Promise<number | undefined> {
    let last: number | undefined;
    for await (const { key, changedAt = -Infinity } of this.#bucket.list(this.#prefixOf(folder))) {
      if (changedAt > (last ?? -Infinity) && (except === undefined || key !== this.#key(except))) last = changedAt;
    }
    return last;
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    await this.mayChange();
    await this.#bucket.write(this.#key(name), content);
  }

  create(name: string, content: string | Uint8Array): Promise<boolean> {
    return this.#bucket.create(this.#key(name), content, this.mayChange);
  }

  async createAsLarge(name: string, content: string): Promise<boolean> {
    await this.mayChange();
    const key = this.#key(name);
    const upload = await S3Upload.begin(this.#bucket, key);
    try {
      const piece = await upload.put(1, Buffer.from(content));
      return await this.#bucket.once(key, async (condition) => void (await upload.complete([piece], condition)));
    } finally {
      await upload.abort();
    }
  }

  list(folder: string): Promise<string[]> {
    return this.#bucket.names(this.#prefixOf(folder));
  }

  async listFolders(folder: string): Promise<string[]> {
    const prefix = this.#prefixOf(folder);
    const names: string[] = [];
    for await (const inner of this.#bucket.folders(prefix)) names.push(inner.slice(prefix.length, -1));
    return names.filter((name) => name !== '');
  }

  #prefixOf(folder: string): string {
    const key = this.#key(folder);
    // The root of a bucket has no name.
    return key === '' ? '' : `${key}/`;
  }

  async remove(name: string): Promise<void> {
    if (name !== '') await this.removeFile(name);
    await this.#bucket.removeBelow(`${this.#key(name)}/`, this.mayChange);
  }

  async removeFile(name: string): Promise<void> {
    await this.mayChange();
    await this.#bucket.remove([this.#key(name)]);
  }

  async removeFiles(names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += DELETE_BATCH) {
      await this.mayChange();
      await this.#bucket.remove(names.slice(from, from + DELETE_BATCH).map((name) => this.#key(name)));
    }
  }

  async openPart(label: string, name?: string, signal?: AbortSignal): Promise<Part> {
    const place = {
      bucket: this.#bucket,
      prefix: `${this.#key(PARTS_FOLDER)}/${label}.`,
      keyOf: (name: string) => this.#key(name),
      rules: this.#rules,
      mayPublish: this.mayChange,
    };
    const there = await (this.#earlierParts ??= this.list(PARTS_FOLDER));
    const isThere = there.some((part) => part.startsWith(`${label}.`));
    const earlier = isThere ? await findEarlier(this.#bucket, place.prefix) : { best: undefined, keys: [] };
    return openPart(place, name, earlier, signal);
  }

  /** An object has its name when it is there. */
  async syncNames(): Promise<void> {}

  async freeSpace(): Promise<undefined> {
    return undefined;
  }

  async removeParts(isOurs?: (name: string) => boolean): Promise<void> {
    // Uploads first: an attempt that still runs must not find its upload without the pieces.
    await this.mayChange();
    // Some storages list uploads by their whole key only, and would not say which there are.
    for await (const { key } of this.#bucket.list(`${this.#key(PARTS_FOLDER)}/`)) {
      const recorded = await findUploads(this.#bucket, [key]);
      for (const { name, uploadId } of recorded) await abortUpload(this.#bucket, this.#key(name), uploadId);
    }
    await abortUploads(this.#bucket, `${this.#prefix}/`, isOurs);
    await this.remove(PARTS_FOLDER);
  }

  async findNeighbour(...names: readonly string[]): Promise<Neighbour | undefined> {
    const segments = this.#path.split('/');
    for (let length = segments.length - 1; length >= 0; length--) {
      const above = below(this.#root, ...segments.slice(0, length));
      if (await this.#holdsOne(above, names)) {
        return { is: 'above', location: `s3://${this.#bucket.name}/${above}` };
      }
    }
    const folders = [`${this.#prefix}/`];
    for (let looked = 0; looked < MOST_FOLDERS && folders.length > 0; looked++) {
      const folder = folders.shift() as string;
      for await (const inner of this.#bucket.folders(folder)) {
        if (inner === `${folder}${WORK_FOLDER}/`) continue;
        if (await this.#holdsOne(inner.slice(0, -1), names)) {
          return { is: 'below', location: `s3://${this.#bucket.name}/${inner.slice(0, -1)}` };
        }
        folders.push(inner);
      }
    }
    return undefined;
  }

  async #holdsOne(folder: string, names: readonly string[]): Promise<boolean> {
    for (const name of names) {
      if ((await this.#bucket.size(below(folder, name))) !== undefined) return true;
    }
    return false;
  }

  /** A folder without objects does not exist. */
  async removeIfEmpty(): Promise<void> {}

  #key(name: string): string {
    return below(this.#prefix, name);
  }
}

/** The key or prefix below another one, which may be that of the whole bucket. */
function below(...parts: readonly string[]): string {
  return parts.filter((text) => text !== '').join('/');
}
