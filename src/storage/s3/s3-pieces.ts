import type { FileVersion } from '../folder.ts';
import { mapLimited } from '../map-limited.ts';
import type { S3Bucket, StoredObject } from './s3-bucket.ts';
import { isRefusal } from './s3-error.ts';

/** Requests for pieces that are on their way at once. */
export const PARALLEL = 8;
/** Tries at a piece that is copied, beside those of the SDK. */
const COPY_TRIES = 4;
const CHECKPOINT = 'checkpoint.json';

/** `checkpoint.json` beside the pieces: what is durable of a part. */
interface Checkpoint extends FileVersion {
  /** How many pieces, from the first. */
  pieces: number;
  bytes: number;
}

/** The durable beginning of a file: whole pieces of one version of it, in order. */
export interface Prefix {
  pieces: StoredObject[];
  bytes: number;
  version: FileVersion;
}

/** What earlier attempts have left: the keys of it all, and the longest beginning of which every piece is there. */
export interface Earlier {
  best: Prefix | undefined;
  keys: string[];
}

/** Key of a piece; each is written once, so that it can be copied while the attempt that wrote it still runs. */
export function pieceKey(folder: string, number: number): string {
  return `${folder}${String(number).padStart(6, '0')}`;
}

/** Makes a beginning known to later attempts; its pieces must have been stored before. */
export async function saveCheckpoint(bucket: S3Bucket, folder: string, prefix: Prefix): Promise<void> {
  const { pieces, bytes, version } = prefix;
  const checkpoint: Checkpoint = { pieces: pieces.length, bytes, ...version };
  await bucket.write(`${folder}${CHECKPOINT}`, JSON.stringify(checkpoint));
}

/** Looks for what earlier attempts have left below a prefix. */
export async function findEarlier(bucket: S3Bucket, prefix: string): Promise<Earlier> {
  const sizes = new Map<string, number>();
  for await (const { key, bytes } of bucket.list(prefix)) sizes.set(key, bytes);
  let best: Prefix | undefined;
  for (const key of sizes.keys()) {
    if (!key.endsWith(`/${CHECKPOINT}`)) continue;
    const found = await readCheckpoint(bucket, key, sizes);
    if (found !== undefined && found.bytes > (best?.bytes ?? 0)) best = found;
  }
  return { best, keys: [...sizes.keys()] };
}

async function readCheckpoint(
  bucket: S3Bucket,
  key: string,
  sizes: ReadonlyMap<string, number>,
): Promise<Prefix | undefined> {
  const content = await bucket.read(key);
  // Removed meanwhile by the attempt that wrote it.
  if (content === undefined) return undefined;
  const parsed = parseCheckpoint(content.toString());
  if (parsed === undefined) return undefined;
  const { validator, total, link, ...checkpoint } = parsed;
  const version = {
    validator,
    ...(total === undefined ? {} : { total }),
    ...(link === undefined ? {} : { link }),
  };
  const folder = key.slice(0, -CHECKPOINT.length);
  const pieces = Array.from({ length: checkpoint.pieces }, (_, place) => {
    const piece = pieceKey(folder, place + 1);
    return { key: piece, bytes: sizes.get(piece) ?? 0 };
  });
  // Another attempt may be removing them, or have done so before this checkpoint was written.
  return pieces.every(({ bytes }) => bytes > 0) && sum(pieces) === checkpoint.bytes
    ? { pieces, bytes: checkpoint.bytes, version }
    : undefined;
}

/**
 * Copies a beginning into another folder, on the server's side: its own attempt may still run, and remove what it has
 * written at any time. Yields as much as was there.
 */
export async function copyPrefix(
  bucket: S3Bucket,
  { pieces, version }: Prefix,
  folder: string,
  signal?: AbortSignal,
): Promise<Prefix | undefined> {
  const copied = await mapLimited(pieces, PARALLEL, async ({ key, bytes }, place) => {
    const copy = pieceKey(folder, place + 1);
    return (await copyPatiently(bucket, key, copy, signal)) ? { key: copy, bytes } : undefined;
  });
  const hole = copied.indexOf(undefined);
  const own = (hole < 0 ? copied : copied.slice(0, hole)) as StoredObject[];
  return own.length === 0 ? undefined : { pieces: own, bytes: sum(own), version };
}

/** One of thousands that fails costs all of them, so each is tried for longer than by the SDK. */
async function copyPatiently(bucket: S3Bucket, from: string, to: string, signal?: AbortSignal): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      return await bucket.copy(from, to, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt === COPY_TRIES || isRefusal(error)) throw error;
    }
  }
}

/** The bytes of pieces, in order. */
export async function* readPieces(bucket: S3Bucket, pieces: readonly StoredObject[]): AsyncIterable<Buffer> {
  for (const { key } of pieces) yield* bucket.stream(key);
}

/** Bytes of all of them. */
export function sum(pieces: readonly StoredObject[]): number {
  return pieces.reduce((total, { bytes }) => total + bytes, 0);
}

/** A damaged one does not count, and its file is fetched from the start. */
function parseCheckpoint(text: string): Checkpoint | undefined {
  try {
    return JSON.parse(text) as Checkpoint;
  } catch {
    return undefined;
  }
}
