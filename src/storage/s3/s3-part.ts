import { randomUUID } from 'node:crypto';
import type { FileVersion, Part, ResumedPart } from '../folder.ts';
import { assemble } from './s3-assemble.ts';
import { PieceFlow } from './piece-flow.ts';
import { storePiece } from './piece-memory.ts';
import type { PieceRules } from './piece-rules.ts';
import type { S3Bucket, StoredObject } from './s3-bucket.ts';
import type { Earlier, Prefix } from './s3-pieces.ts';
import { copyPrefix, pieceKey, readPieces, saveCheckpoint, sum } from './s3-pieces.ts';

/** Where a part is and goes. */
export interface PartPlace {
  bucket: S3Bucket;
  /** Prefix of the parts of one file, to which each attempt adds something of its own. */
  prefix: string;
  /** Key of a published file. */
  keyOf(name: string): string;
  rules: PieceRules;
  /** Throws when nothing may be published any more. */
  mayPublish(): Promise<void>;
}

/**
 * Opens a part of its own for this attempt. The durable pieces of the best earlier one are copied, because the earlier
 * attempt may still be running, and then removed.
 *
 * @param earlier what earlier attempts have left
 * @param signal ends the copying
 */
export async function openS3Part(place: PartPlace, { best, keys }: Earlier, signal?: AbortSignal): Promise<Part> {
  const { bucket, prefix } = place;
  const folder = newFolder(prefix);
  const taken = best === undefined ? undefined : await takeOver(bucket, best, folder, signal);
  await bucket.remove(keys);
  return new S3Part(place, folder, taken);
}

async function takeOver(
  bucket: S3Bucket,
  best: Prefix,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<Prefix | undefined> {
  try {
    const taken = await copyPrefix(bucket, best, folder, signal);
    if (taken !== undefined) await saveCheckpoint(bucket, folder, taken);
    return taken;
  } catch (error) {
    // Each attempt would leave copies, which are paid for until one succeeds.
    await bucket.removeBelow(folder).catch(() => {});
    throw error;
  }
}

/** A part of a file of which nothing is there. */
export function newS3Part(place: PartPlace): Part {
  return new S3Part(place, newFolder(place.prefix), undefined);
}

/**
 * A part whose pieces are objects until the file has passed its checks, and are then copied into the final one: for a
 * file whose final name is not known before, or whose first bytes a later attempt must read. Pieces are gathered in
 * memory, and one is stored while the next one is received. A file of one piece is never stored as such, but published
 * from memory.
 */
class S3Part implements Part {
  readonly #place: PartPlace;
  #resumed: ResumedPart | undefined;
  #folder: string;
  /** Stored, in order; only whole ones before {@link finish}. */
  #pieces: StoredObject[];
  /** How many of them a later attempt knows of. */
  #saved: number;
  #version: FileVersion | undefined;
  readonly #flow = new PieceFlow(
    () => this.#store(),
    () => this.#save(),
  );
  #finished = false;

  constructor(place: PartPlace, folder: string, taken: Prefix | undefined) {
    const { bucket } = place;
    this.#place = place;
    this.#folder = folder;
    this.#pieces = [...(taken?.pieces ?? [])];
    this.#saved = this.#pieces.length;
    this.#version = taken?.version;
    this.#resumed = taken && {
      bytes: taken.bytes,
      version: taken.version,
      read: () => readPieces(bucket, taken.pieces),
    };
  }

  get resumed(): ResumedPart | undefined {
    return this.#resumed;
  }

  async write(chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) await this.#flow.write(chunk, this.#place.rules.pieceBytes);
  }

  async checkpoint(version: FileVersion): Promise<void> {
    this.#version = version;
    await this.#flow.checkpoint();
  }

  async restart(): Promise<void> {
    await this.#flow.restart();
    await this.#removeFolder();
    this.#pieces = [];
    this.#saved = 0;
    this.#version = undefined;
    this.#resumed = undefined;
    // A later attempt may be copying the pieces of the old one: none may become one of another version of the file.
    this.#folder = newFolder(this.#place.prefix);
  }

  async finish(): Promise<void> {
    await this.#flow.stored();
    this.#finished = true;
    if (this.#pieces.length === 0) return;
    if (this.#flow.memory.gathered > 0) await (await this.#store()).stored;
    // Many finished parts may wait for their names.
    this.#flow.memory.forget();
  }

  async publish(name: string): Promise<boolean> {
    const { bucket, keyOf, rules, mayPublish } = this.#place;
    const key = keyOf(name);
    if (this.#pieces.length > 0) {
      return assemble(bucket, this.#pieces, key, { maxPieces: rules.maxPieces, folder: this.#folder, mayPublish });
    }
    return bucket.create(key, this.#flow.memory.bytes, mayPublish);
  }

  async discard(): Promise<void> {
    await this.#flow.end();
    // The file is published, or given up: what stays behind is removed with the other parts at the end of the export.
    await this.#removeFolder().catch(() => {});
    this.#pieces = [];
    this.#saved = 0;
  }

  async keep(): Promise<number> {
    await this.#flow.end();
    // What fails here costs a later attempt some pieces, and must not hide why this one has ended.
    await this.#save().catch(() => {});
    const durable = sum(this.#pieces.slice(0, this.#saved));
    // Nothing that a later attempt could take over.
    if (durable === 0) await this.discard();
    return durable;
  }

  /** Begins to store what has been gathered. */
  #store(): Promise<{ stored: Promise<void> }> {
    const key = pieceKey(this.#folder, this.#pieces.length + 1);
    return storePiece(
      this.#place.bucket,
      () => this.#flow.memory.take(),
      async (piece) => {
        await this.#place.bucket.write(key, piece);
        this.#pieces.push({ key, bytes: piece.length });
      },
    );
  }

  /** Makes the whole pieces known to later attempts. Behind the last one of a finished file nothing could go on. */
  async #save(): Promise<void> {
    const pieces = this.#pieces;
    if (this.#version === undefined || this.#finished || pieces.length === this.#saved) return;
    const { length } = pieces;
    await saveCheckpoint(this.#place.bucket, this.#folder, { pieces, bytes: sum(pieces), version: this.#version });
    this.#saved = length;
  }

  async #removeFolder(): Promise<void> {
    // Small files are never stored in pieces, and cost no request here.
    if (this.#pieces.length > 0) await this.#place.bucket.removeBelow(this.#folder);
  }
}

function newFolder(prefix: string): string {
  return `${prefix}${randomUUID()}/`;
}
