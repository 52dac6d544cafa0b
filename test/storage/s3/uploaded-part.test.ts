import { buffer } from 'node:stream/consumers';
import { UploadPartCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import type { Folder } from '../../../src/storage/folder.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';
import {
  CUT,
  VERSION,
  isEnd,
  isPiece,
  killed,
  noConditions,
  numbers,
  openFile,
  publish,
  write,
  writeLine,
} from './uploads-under-test.ts';

describe.skipIf(!hasS3)('a file whose name is known goes to an upload of it', () => {
  useFaultyEndpoint();

  test('and is stored once: no piece is copied', async () => {
    expect(await publish(await openFile('once'), 3)).toBe(true);
    const changes = proxy.seen.filter((seen) => !/^(GET|HEAD)/.test(seen) && !seen.includes('upload.json'));
    expect(changes.filter((seen) => isPiece(seen))).toHaveLength(3);
    // Its beginning, its end, and the removal of its checkpoint.
    expect(changes).toHaveLength(6);
    expect(await s3.keys('once/')).toEqual(['once/file']);
    expect(await s3.uploads()).toEqual([]);
  });

  test('which a later attempt goes on with, within a line, under the numbers that follow', async () => {
    await killed('later', 2);
    const heir = await openFile('later');
    expect(heir.resumed).toMatchObject({ bytes: 2 * PIECE, version: VERSION });
    expect(heir.resumed?.from).toEqual({ bytes: 2 * PIECE - CUT, state: { line: 2 } });
    expect((await buffer(heir.resumed!.read())).equals(Buffer.alloc(CUT, 'x'))).toBe(true);
    proxy.seen.length = 0;
    expect(await publish(heir, 2)).toBe(true);
    expect(numbers()).toEqual([3, 4]);
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
    expect(numbers()).toEqual([3]);
    expect(await open('often').size('file')).toBe(3 * PIECE);
  });

  test('of which a piece was replaced by somebody: not published, and the next attempt begins anew', async () => {
    const part = await killed('replaced', 2);
    await write(part, 1);
    await part.finish();
    const [put] = proxy.seen.filter((seen) => isPiece(seen, '1'));
    const UploadId = /uploadId=([^&]+)/.exec(put as string)?.[1];
    const other = Buffer.alloc(PIECE, 'y');
    await s3.client.send(
      new UploadPartCommand({
        Bucket: 'lake',
        Key: 'replaced/file',
        UploadId,
        PartNumber: 1,
        Body: other,
        ChecksumAlgorithm: 'SHA256',
      }),
    );
    await expect(part.publish('file')).rejects.toThrow();
    expect(await part.keep()).toBe(0);
    expect(await open('replaced').size('file')).toBeUndefined();
    expect(await s3.uploads()).toEqual([]);
    const next = await openFile('replaced');
    expect(next.resumed).toBeUndefined();
    expect(await publish(next, 2)).toBe(true);
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
    await expect(part.finish()).rejects.toThrow('given up');
    await expect(part.publish('file')).rejects.toThrow();
    expect(await part.keep()).toBe(2 * PIECE);
    proxy.answer = () => undefined;
    expect(await publish(await openFile('moment'), 1)).toBe(true);
    expect(await open('moment').size('file')).toBe(3 * PIECE);
  });

  test('and cannot be gone on with for its long lines: after some attempts its pieces are objects', async () => {
    for (let attempt = 1; attempt <= 3; attempt++) {
      const part = await openFile('long');
      expect(part.resumed).toBeUndefined();
      await writeLine(part, 2 * PIECE + 1);
      expect(await part.keep()).toBe(0);
    }
    // Killed before it has stored a piece.
    await openFile('long');
    expect(await s3.uploads()).toEqual([]);
    const part = await openFile('long');
    await writeLine(part, 2 * PIECE + 1);
    expect(await part.keep()).toBe(2 * PIECE);
    const next = await openFile('long');
    expect(next.resumed).toMatchObject({ bytes: 2 * PIECE });
    expect(next.resumed?.from).toBeUndefined();
    expect(await publish(next, 1)).toBe(true);
    expect(await open('long').size('file')).toBe(3 * PIECE);
    await open('long').removeParts();
    expect(await s3.keys('long/')).toEqual(['long/file']);
  });

  test('and goes on where a short line was, with all that came since', async () => {
    const part = await openFile('mixed');
    await write(part, 1);
    await writeLine(part, 2 * PIECE + 1);
    expect(await part.keep()).toBe(PIECE);
    for (let attempt = 1; attempt <= 3; attempt++) {
      const heir = await openFile('mixed');
      expect(heir.resumed?.bytes).toBe(PIECE);
      await writeLine(heir, 2 * PIECE + 1);
      expect(await heir.keep()).toBe(PIECE);
    }
    expect((await openFile('mixed')).resumed).toBeUndefined();
  });

  test('and is larger than an upload can hold, which nobody had said: the next attempt stores objects', async () => {
    const few = (): Folder => open('numbers', {}, 2);
    const part = await few().openPart('1', 'file');
    await expect(write(part, 5)).rejects.toThrow('no numbers');
    await part.keep();
    const next = await few().openPart('1', 'file');
    expect(next.resumed).toBeUndefined();
    expect(await publish(next, 4)).toBe(true);
    expect(await few().size('file')).toBe(4 * PIECE);
    expect(await s3.uploads()).toEqual([]);
  });

  test('and was said to be large: its pieces are larger, also those of later attempts', async () => {
    const few = (): Folder => open('large', {}, 2);
    const part = await few().openPart('1', 'file');
    part.expect?.(3 * PIECE);
    await write(part, 3);
    expect(await part.keep()).toBe(2 * PIECE);
    const heir = await few().openPart('1', 'file');
    heir.expect?.(3 * PIECE);
    expect(heir.resumed?.bytes).toBe(2 * PIECE);
    expect(await publish(heir, 2)).toBe(true);
    expect(numbers()).toEqual([1, 2]);
    expect(await few().size('file')).toBe(4 * PIECE);
  });

  test('and was said to be larger than an upload can hold: its pieces are objects at once', async () => {
    const few = (): Folder => open('too-large', {}, 2);
    const part = await few().openPart('1', 'file');
    part.expect?.(16 * PIECE + 1);
    await write(part, 3);
    expect(await part.keep()).toBe(2 * PIECE);
    const heir = await few().openPart('1', 'file');
    heir.expect?.(16 * PIECE + 1);
    expect(heir.resumed?.bytes).toBe(2 * PIECE);
    expect(await publish(heir, 2)).toBe(true);
    expect(await few().size('file')).toBe(4 * PIECE);
    expect(await s3.uploads()).toEqual([]);
  });

  test('is not begun by an attempt that may change nothing any more', async () => {
    const guarded = open('guarded').guardedBy(async () => {
      throw new Error('no more');
    });
    const part = await openFile('guarded', guarded);
    await expect(write(part, 3)).rejects.toThrow('no more');
    await part.discard();
    expect(proxy.seen.filter((seen) => seen.includes('uploads'))).toEqual([]);
  });

  test('is given up when the name must not be known beforehand any more', async () => {
    await killed('promised', 2);
    const part = await open('promised').openPart('1');
    expect(part.resumed).toBeUndefined();
    expect(await s3.uploads()).toEqual([]);
    await part.discard();
  });

  test('is not published under another name', async () => {
    const part = await openFile('named');
    await part.finish();
    await expect(part.publish('other')).rejects.toThrow('cannot become other');
    await part.discard();
  });
});
