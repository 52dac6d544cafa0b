import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import { expect } from 'vitest';
import type { Folder, Part } from '../../../src/storage/folder.ts';
import { PIECE, open, proxy, s3 } from './faulty-endpoint.ts';

export const VERSION = { validator: '"v"' };
export const noConditions = (_: string, headers: Record<string, unknown>) =>
  headers['if-none-match'] === undefined && headers['if-match'] === undefined
    ? undefined
    : { status: 501, code: 'NotImplemented' };
/** Bytes of a line that a piece cuts. */
export const CUT = 1000;
export const isPiece = (seen: string, number = '\\d+'): boolean =>
  new RegExp(`^PUT .*partNumber=${number}\\b`).test(seen);
export const isEnd = (seen: string): boolean => /^POST .*uploadId=/.test(seen);

export const openFile = (path: string, folder: Folder = open(path)): Promise<Part> => folder.openPart('1', 'file');

/** Writes pieces, with a place to go on shortly before each of their ends, and makes them durable. */
export async function write(part: Part, pieces: number, letter = 'x'): Promise<void> {
  const from = part.resumed?.bytes ?? 0;
  for (let piece = 1; piece <= pieces; piece++) {
    const bytes = from + piece * PIECE - CUT;
    await part.write([Buffer.alloc(PIECE, letter)], [{ bytes, state: { line: piece } }]);
  }
  await part.checkpoint(VERSION);
}

/** Writes pieces of one line. */
export async function writeLine(part: Part, bytes: number): Promise<void> {
  await part.write([Buffer.alloc(bytes, 'x')]);
  await part.checkpoint(VERSION);
}

/** Numbers of the pieces that were stored, in order. */
export const numbers = (): number[] =>
  proxy.seen.filter((seen) => isPiece(seen)).map((seen) => Number(/partNumber=(\d+)/.exec(seen)?.[1]));

/** The uploads that pieces were stored in, in order. */
export const ids = (): Set<string | undefined> =>
  new Set(proxy.seen.filter((seen) => isPiece(seen)).map((seen) => /uploadId=([^&]+)/.exec(seen)?.[1]));

/** Key of the record of an attempt. */
export const recordKey = async (path: string): Promise<string | undefined> =>
  (await s3.keys(`${path}/.export/parts/`)).find((key) => key.endsWith('/upload.json'));

/** How many pieces the storage has of the only upload of this object. */
export async function storedPieces(key: string): Promise<number> {
  const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'lake', Prefix: key }));
  const [upload] = Uploads;
  if (upload === undefined) return 0;
  const { Parts = [] } = await s3.client.send(
    new ListPartsCommand({ Bucket: 'lake', Key: key, UploadId: upload.UploadId }),
  );
  return Parts.length;
}

/** Gives the uploads below a path up, as a rule of a bucket does. */
export async function giveUp(path: string): Promise<void> {
  const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'lake', Prefix: path }));
  for (const { Key, UploadId } of Uploads) {
    await s3.client.send(new AbortMultipartUploadCommand({ Bucket: 'lake', Key, UploadId }));
  }
}

/** An attempt that was killed with so many pieces stored: the last one is in memory still. */
export async function killed(path: string, pieces: number): Promise<Part> {
  const part = await openFile(path);
  await write(part, pieces + 1);
  await part.checkpoint(VERSION);
  const recorded = async (): Promise<unknown> => {
    const record = await open(path).read((await recordKey(path))?.slice(path.length + 1) ?? 'none');
    return JSON.parse(record?.toString() ?? '{}').end?.pieces.length;
  };
  await expect.poll(recorded, { timeout: 30_000 }).toBe(pieces);
  return part;
}

export async function publish(part: Part, pieces: number, letter?: string): Promise<boolean> {
  await write(part, pieces, letter);
  await part.finish();
  const published = await part.publish('file');
  await part.discard();
  return published;
}
