import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Folder, Part } from '../../../src/storage/folder.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';

const VERSION = { validator: '"v"' };
const noConditions = (_: string, headers: Record<string, unknown>) =>
  headers['if-none-match'] === undefined && headers['if-match'] === undefined
    ? undefined
    : { status: 501, code: 'NotImplemented' };
const isPiece = (seen: string, number = '\\d+'): boolean => new RegExp(`^PUT .*partNumber=${number}\\b`).test(seen);
const isEnd = (seen: string): boolean => /^POST .*uploadId=/.test(seen);

const openFile = (path: string, folder: Folder = open(path)): Promise<Part> => folder.openPart('1', 'file');

/** Writes pieces, with a place to go on at each of their ends, and makes them durable. */
async function write(part: Part, pieces: number, letter = 'x'): Promise<void> {
  const from = part.resumed?.bytes ?? 0;
  for (let piece = 1; piece <= pieces; piece++) {
    const bytes = from + piece * PIECE;
    await part.write([Buffer.alloc(PIECE, letter)], { bytes, state: { line: piece } });
  }
  await part.checkpoint(VERSION);
}

/** An attempt that was killed with so many pieces stored: the last one is in memory still. */
async function killed(path: string, pieces: number): Promise<Part> {
  const part = await openFile(path);
  await write(part, pieces + 1);
  const isSaved = async () => (await s3.keys(`${path}/.export/parts/`)).length > 0;
  await expect.poll(isSaved).toBe(true);
  await part.checkpoint(VERSION);
  return part;
}

async function publish(part: Part, pieces: number, letter?: string): Promise<boolean> {
  await write(part, pieces, letter);
  await part.finish();
  const published = await part.publish('file');
  await part.discard();
  return published;
}

describe.skipIf(!hasS3)('a file whose name is known goes to an upload of it', () => {
  useFaultyEndpoint();
  afterEach(() => void vi.unstubAllEnvs());

  test('and is stored once: no piece is copied', async () => {
    expect(await publish(await openFile('once'), 3)).toBe(true);
    const changes = proxy.seen.filter((seen) => !/^(GET|HEAD)/.test(seen) && !seen.includes('upload.json'));
    expect(changes.filter((seen) => isPiece(seen))).toHaveLength(3);
    // Its beginning, its end, and the removal of its checkpoint.
    expect(changes).toHaveLength(6);
    expect(await s3.keys('once/')).toEqual(['once/file']);
    expect(await s3.uploads()).toEqual([]);
  });

  test('which a later attempt goes on with, under numbers of its own', async () => {
    await killed('later', 2);
    const heir = await openFile('later');
    expect(heir.resumed).toMatchObject({ kind: 'known', bytes: 2 * PIECE, state: { line: 2 }, version: VERSION });
    proxy.seen.length = 0;
    expect(await publish(heir, 2)).toBe(true);
    const numbers = proxy.seen
      .filter((seen) => isPiece(seen))
      .map((seen) => Number(/partNumber=(\d+)/.exec(seen)?.[1]));
    expect(numbers).toHaveLength(2);
    // The killed attempt might have been storing its third piece, and one more.
    expect(Math.min(...numbers)).toBeGreaterThan(4);
    expect(await open('later').size('file')).toBe(4 * PIECE);
    await open('later').removeParts();
    expect(await s3.keys('later/')).toEqual(['later/file']);
  });

  test('which may be taken over any number of times, and does not run out of numbers', async () => {
    await (await killed('often', 2)).keep();
    for (let attempt = 0; attempt < 30; attempt++) {
      const part = await openFile('often');
      expect(part.resumed?.bytes).toBe(2 * PIECE);
      expect(await part.keep()).toBe(2 * PIECE);
    }
    proxy.seen.length = 0;
    expect(await publish(await openFile('often'), 1)).toBe(true);
    expect(proxy.seen.some((seen) => isPiece(seen, '\\d{2,}'))).toBe(true);
    expect(proxy.seen.some((seen) => isPiece(seen, '(2[4-9]|[3-9]\\d|\\d{3,})'))).toBe(false);
    expect(await open('often').size('file')).toBe(3 * PIECE);
  });

  test.each([
    ['', () => undefined],
    [' where there are no conditional writes', noConditions],
  ])('from which the earlier attempt is shut out%s', async (_, answer) => {
    proxy.answer = answer;
    const path = `shut-out${answer === noConditions ? '-2' : ''}`;
    const zombie = await killed(path, 2);
    const heir = await openFile(path);
    await expect(write(zombie, 3)).rejects.toThrow('another attempt has taken over');
    await zombie.discard();
    expect(await publish(heir, 1)).toBe(true);
    expect(await open(path).size('file')).toBe(3 * PIECE);
  });

  test('of which a piece was replaced by somebody: not published, and the next attempt begins anew', async () => {
    const part = await killed('replaced', 2);
    await write(part, 1);
    await part.finish();
    const [put] = proxy.seen.filter((seen) => isPiece(seen, '1'));
    const { UploadPartCommand } = await import('@aws-sdk/client-s3');
    const UploadId = /uploadId=([^&]+)/.exec(put as string)?.[1];
    const other = Buffer.alloc(PIECE, 'y');
    await s3.client.send(
      new UploadPartCommand({ Bucket: 'lake', Key: 'replaced/file', UploadId, PartNumber: 1, Body: other }),
    );
    await expect(part.publish('file')).rejects.toThrow();
    expect(await part.keep()).toBe(0);
    expect(await open('replaced').size('file')).toBeUndefined();
    expect(await s3.uploads()).toEqual([]);
    const next = await openFile('replaced');
    expect(next.resumed).toBeUndefined();
    expect(await publish(next, 2)).toBe(true);
  });

  test('that was given up by a rule of the bucket: the next attempt begins anew', async () => {
    const { AbortMultipartUploadCommand, ListMultipartUploadsCommand } = await import('@aws-sdk/client-s3');
    await (await killed('aged', 2)).keep();
    const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: 'lake', Prefix: 'aged/' }));
    for (const { Key, UploadId } of Uploads) {
      await s3.client.send(new AbortMultipartUploadCommand({ Bucket: 'lake', Key, UploadId }));
    }
    const heir = await openFile('aged');
    expect(heir.resumed).toBeUndefined();
    expect(await publish(heir, 2)).toBe(true);
    expect(await s3.keys('aged/')).toEqual(['aged/file']);
  });

  test('that is given up while pieces are stored: the attempt fails, and the next one begins anew', async () => {
    const part = await killed('given-up', 2);
    await open('given-up').removeParts();
    await expect(publish(part, 2)).rejects.toThrow();
    await expect(part.publish('file')).rejects.toThrow();
    expect(await part.keep()).toBe(0);
    expect((await openFile('given-up')).resumed).toBeUndefined();
    expect(await s3.keys('given-up/')).toEqual([]);
    expect(await s3.uploads()).toEqual([]);
  });

  test('that another attempt has ended meanwhile: the file is there, and is not written again', async () => {
    const zombie = await killed('first', 2);
    const heir = await openFile('first');
    await zombie.finish();
    expect(await zombie.publish('file')).toBe(true);
    expect(await publish(heir, 4, 'y')).toBe(false);
    expect(await open('first').size('file')).toBe(3 * PIECE);
  });

  test('whose end is asked for twice because the answer got lost: it is there, once', async () => {
    proxy.answer = (seen) => (isEnd(seen) ? { status: 404, code: 'NoSuchUpload', after: true } : undefined);
    expect(await publish(await openFile('lost'), 3)).toBe(false);
    expect(await open('lost').size('file')).toBe(3 * PIECE);
    expect(await s3.keys('lost/')).toEqual(['lost/file']);
  });

  test('with another write in the way is asked again', async () => {
    let left = 2;
    proxy.answer = (seen) =>
      isEnd(seen) && left-- > 0 ? { status: 409, code: 'ConditionalRequestConflict' } : undefined;
    expect(await publish(await openFile('conflict'), 3)).toBe(true);
    expect(await open('conflict').size('file')).toBe(3 * PIECE);
  });

  test('without conditional writes is looked for first', async () => {
    proxy.answer = noConditions;
    const part = await openFile('unconditional');
    await open('unconditional').write('file', 'there');
    expect(await publish(part, 2)).toBe(false);
    expect(await open('unconditional').size('file')).toBe(5);
    expect(await s3.uploads()).toEqual([]);
  });

  test('and fails with it for a moment: what is stored stays, and can be gone on with', async () => {
    const part = await killed('moment', 2);
    proxy.answer = (seen) => (isPiece(seen, '3') || isEnd(seen) ? { status: 500 } : undefined);
    await expect(part.finish()).rejects.toThrow();
    await expect(part.publish('file')).rejects.toThrow();
    expect(await part.keep()).toBe(2 * PIECE);
    proxy.answer = () => undefined;
    expect(await publish(await openFile('moment'), 1)).toBe(true);
    expect(await open('moment').size('file')).toBe(3 * PIECE);
  });

  test('ends pieces where one can go on, and those of lines that are longer somewhere', async () => {
    const part = await open('lines', {}, 2 * PIECE).openPart('1', 'file');
    const first = PIECE + 1000;
    for (let at = PIECE / 2; at <= 6 * PIECE; at += PIECE / 2) {
      await part.write(
        [Buffer.alloc(PIECE / 2, 'x')],
        at < first ? undefined : { bytes: first, state: { bytes: first } },
      );
    }
    await part.checkpoint(VERSION);
    expect(await part.keep()).toBe(first);
    const heir = await open('lines', {}, 2 * PIECE).openPart('1', 'file');
    expect(heir.resumed).toMatchObject({ bytes: first, state: { bytes: first } });
    await heir.discard();
  });

  test('unless an earlier version has left pieces as objects, which are read and gone on with', async () => {
    const old = await open('old').openPart('1');
    await old.write([Buffer.alloc(3 * PIECE + 1, 'x')]);
    await old.checkpoint(VERSION);
    await old.keep();
    expect((await s3.keys('old/')).filter((key) => key.endsWith('/checkpoint.json'))).toHaveLength(1);
    const part = await openFile('old');
    expect(part.resumed).toMatchObject({ kind: 'bytes', bytes: 3 * PIECE });
    expect(await publish(part, 1)).toBe(true);
    expect(await open('old').size('file')).toBe(4 * PIECE);
    expect(await s3.keys('old/')).toEqual(['old/file']);
  });

  test('with the checksums that the SDK makes for S3 itself', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', proxy.endpoint);
    vi.stubEnv('AWS_REGION', 'us-east-1');
    const path = 'sums';
    const place = () =>
      openS3({ type: 's3', bucket: 'lake', forcePathStyle: true }, path, { pieceBytes: PIECE, maxPieces: 100 });
    const sums = new Set<unknown>();
    proxy.answer = (seen, headers) => {
      if (isPiece(seen)) sums.add(typeof headers['x-amz-checksum-crc32']);
      return undefined;
    };
    const part = await openFile(path, place());
    await write(part, 3);
    await part.keep();
    expect(await publish(await openFile(path, place()), 2)).toBe(true);
    expect([...sums]).toEqual(['string']);
    const head = await s3.client.send(
      new HeadObjectCommand({ Bucket: 'lake', Key: `${path}/file`, ChecksumMode: 'ENABLED' }),
    );
    expect(head).toMatchObject({ ContentLength: 4 * PIECE, ChecksumCRC32: expect.any(String) });
  });

  test('is not published under another name', async () => {
    const part = await openFile('named');
    await part.finish();
    await expect(part.publish('other')).rejects.toThrow('cannot become other');
    await part.discard();
  });
});
