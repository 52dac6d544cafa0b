import { buffer } from 'node:stream/consumers';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, test } from 'vitest';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';
import {
  CUT,
  VERSION,
  giveUp,
  ids,
  isEnd,
  isPiece,
  killed,
  noConditions,
  openFile,
  publish,
  recordKey,
  storedPieces,
  write,
  writeLine,
} from './uploads-under-test.ts';

describe.skipIf(!hasS3)('an upload of a file', () => {
  useFaultyEndpoint();
  // What one test left behind is no fault of the next ones.
  afterEach(() => giveUp(''));

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

  test('that was given up, where nobody may ask whether it was: the attempt after the next one begins anew', async () => {
    proxy.answer = (seen) =>
      /^GET .*uploadId=/.test(seen) || isPiece(seen, '3') ? { status: 403, code: 'AccessDenied' } : undefined;
    await (await killed('unasked', 2)).keep();
    const heir = await openFile('unasked');
    expect(heir.resumed?.bytes).toBe(2 * PIECE);
    await giveUp('unasked/');
    await expect(publish(heir, 1)).rejects.toThrow();
    await heir.keep();
    const next = await openFile('unasked');
    expect(next.resumed).toBeUndefined();
    proxy.answer = () => undefined;
    expect(await publish(next, 2)).toBe(true);
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

  test('whose attempt nobody shut out, though the answer to its record got lost', async () => {
    let left = 1;
    proxy.answer = (_, headers) =>
      headers['if-match'] !== undefined && left-- > 0 ? { status: 500, after: true } : undefined;
    const part = await openFile('lost-record');
    await part.checkpoint(VERSION);
    expect(await publish(part, 4)).toBe(true);
    expect(left).toBeLessThan(1);
  });

  test('where records cannot be conditional: names still are', async () => {
    let asked = 0;
    const conditions: unknown[] = [];
    proxy.answer = (seen, headers) => {
      if (isEnd(seen)) conditions.push(headers['if-none-match']);
      if (headers['if-match'] === undefined) return undefined;
      asked++;
      return { status: 501, code: 'NotImplemented' };
    };
    // A bucket of its own: what it does not know is remembered.
    const folder = openS3(s3.destination({ endpoint: proxy.endpoint }), 'half', { pieceBytes: PIECE, maxPieces: 9 });
    const part = await openFile('half', folder);
    await part.checkpoint(VERSION);
    expect(await publish(part, 5)).toBe(true);
    expect([asked, conditions]).toEqual([1, ['*']]);
  });

  test('that is given up: before its record is removed, so that it is found again', async () => {
    const part = await killed('order', 2);
    proxy.seen.length = 0;
    await part.discard();
    const removed = proxy.seen.filter((seen) => /^DELETE .*uploadId=|^POST .*delete/.test(seen));
    expect(removed.map((seen) => seen.split(' ')[0])).toEqual(['DELETE', 'POST']);
  });

  test('that is given up by an attempt that was shut out: not when another one goes on with it', async () => {
    const zombie = await killed('ignored', 2);
    const [, name = ''] = (await recordKey('ignored'))?.split('ignored/') ?? [];
    const content = (await open('ignored').read(name)) as Buffer;
    const heir = await openFile('ignored');
    // As by a storage that ignores conditions: the record that was taken away is there again.
    await open('ignored').write(name, content);
    await zombie.discard();
    expect(await publish(heir, 1)).toBe(true);
    expect(await open('ignored').size('file')).toBe(3 * PIECE);
  });

  test.each([
    ['another form', { name: 'file', pieceBytes: PIECE, checksums: true, fruitless: 0 }],
    [
      'other pieces',
      { name: 'file', pieceBytes: PIECE, sha256: true, fruitless: 0, end: { pieces: [['x']], tail: '' } },
    ],
    ['nothing', { name: 'file', pieceBytes: PIECE, sha256: true, fruitless: 0, end: null }],
  ])('whose record is of %s: it begins anew', async (what, rest) => {
    const path = `form-${what.replace(' ', '-')}`;
    const Key = `${path}/file`;
    const { UploadId } = await s3.client.send(new CreateMultipartUploadCommand({ Bucket: 'lake', Key }));
    await open(path).write('.export/parts/1.x/upload.json', JSON.stringify({ uploadId: UploadId, ...rest }));
    const part = await openFile(path);
    expect(part.resumed).toBeUndefined();
    expect(await publish(part, 2)).toBe(true);
    expect(await s3.uploads()).toEqual([]);
    expect(await s3.keys(`${path}/`)).toEqual([Key]);
  });

  test('without a place to go on at is not gone on with: its pieces may be of another version', async () => {
    await writeLine(await openFile('pointless'), 3 * PIECE + 1);
    // A piece that arrives after its upload was given up would bring that back.
    await expect.poll(() => storedPieces('pointless/file'), { timeout: 30_000 }).toBe(3);
    const heir = await openFile('pointless');
    expect(heir.resumed).toBeUndefined();
    expect(await s3.uploads()).toEqual([]);
    expect(await publish(heir, 2)).toBe(true);
    expect(ids().size).toBe(2);
    expect(await open('pointless').size('file')).toBe(2 * PIECE);
  });

  test('of a file that cannot be resumed is given up by the next attempt, also after a kill', async () => {
    const part = await openFile('unversioned');
    await part.write([Buffer.alloc(2 * PIECE + 1, 'x')]);
    await expect.poll(() => storedPieces('unversioned/file'), { timeout: 30_000 }).toBe(2);
    expect(await recordKey('unversioned')).toBeDefined();
    const next = await openFile('unversioned');
    expect(await s3.uploads()).toEqual([]);
    await part.discard();
    expect(await publish(next, 2)).toBe(true);
    expect(await s3.keys('unversioned/')).toEqual(['unversioned/file']);
  });

  test('that was begun without checksums is gone on with as it was begun', async () => {
    proxy.answer = (_, headers) =>
      headers['x-amz-checksum-algorithm'] === undefined ? undefined : { status: 501, code: 'NotImplemented' };
    await (await killed('sums', 2)).keep();
    const sums = new Set<unknown>();
    proxy.answer = (seen, headers) => {
      if (isPiece(seen)) sums.add(headers['x-amz-checksum-sha256']);
      return undefined;
    };
    const heir = await openFile('sums');
    expect(heir.resumed?.bytes).toBe(2 * PIECE);
    expect(await publish(heir, 2)).toBe(true);
    expect([...sums]).toEqual([undefined]);
    expect(await s3.uploads()).toEqual([]);
  });

  test('that goes on while an opener sleeps is not taken from whoever goes on with it', async () => {
    const owner = await openFile('slept');
    await owner.write([Buffer.alloc(PIECE + 1, 'x')]);
    await expect.poll(() => storedPieces('slept/file'), { timeout: 30_000 }).toBe(1);
    const goOn = async (): Promise<undefined> => {
      proxy.answer = () => undefined;
      await owner.checkpoint(VERSION);
      await owner.write([Buffer.alloc(PIECE, 'x')], [{ bytes: 2 * PIECE - CUT, state: { line: 1 } }]);
      await owner.keep();
    };
    // When the opener has read of it, and right before it gives it up at the latest.
    let reads = 0;
    proxy.answer = (seen) => {
      const isLast = /^DELETE .*uploadId=/.test(seen) || (/^GET .*upload\.json/.test(seen) && ++reads === 2);
      return isLast ? goOn() : undefined;
    };
    await (await openFile('slept')).discard();
    const heir = await openFile('slept');
    expect(heir.resumed?.bytes).toBe(2 * PIECE);
    expect(await publish(heir, 1)).toBe(true);
    await open('slept').removeParts();
    expect(await s3.uploads()).toEqual([]);
  });

  test('that has more than the objects of an attempt of an earlier version: they do not cost it', async () => {
    await (await killed('more', 3)).keep();
    const old = '.export/parts/1.6b1f7b1e-1d0c-4a53-9a0e-0d7a4f1c2b3a';
    await open('more').write(`${old}/000001`, Buffer.alloc(PIECE, 'x'));
    await open('more').write(`${old}/checkpoint.json`, JSON.stringify({ pieces: 1, bytes: PIECE, ...VERSION }));
    const heir = await openFile('more');
    expect(heir.resumed?.bytes).toBe(3 * PIECE);
    expect(await publish(heir, 1)).toBe(true);
    expect(await s3.keys('more/')).toEqual(['more/file']);
  });

  test('is given up at the end of the export, where uploads are listed by their whole keys only', async () => {
    await killed('unlisted', 2);
    const body = '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>';
    proxy.answer = (seen) => (/^GET .*[?&]uploads\b/.test(seen) ? { status: 200, body } : undefined);
    await open('unlisted').removeParts();
    expect(proxy.seen.some((seen) => /^GET .*[?&]uploads\b/.test(seen))).toBe(true);
    expect(await s3.uploads()).toEqual([]);
    expect(await s3.keys('unlisted/')).toEqual([]);
  });

  test('that is given up with the last piece: no empty file is made of what is left', async () => {
    const part = await killed('twice', 2);
    await open('twice').removeParts();
    await expect(part.finish()).rejects.toThrow();
    await expect(part.finish()).rejects.toThrow('given up');
    await expect(part.publish('file')).rejects.toThrow();
    await part.discard();
    expect(await open('twice').size('file')).toBeUndefined();
  });

  test('is not begun where an earlier version has left pieces as objects, which are gone on with', async () => {
    const old = '.export/parts/1.6b1f7b1e-1d0c-4a53-9a0e-0d7a4f1c2b3a';
    const piece = Buffer.alloc(PIECE, 'x');
    for (const name of ['000001', '000002', '000003', '000004']) await open('old').write(`${old}/${name}`, piece);
    const checkpoint = { pieces: 3, bytes: 3 * PIECE, ...VERSION };
    await open('old').write(`${old}/checkpoint.json`, JSON.stringify(checkpoint));
    const part = await openFile('old');
    expect(part.resumed).toMatchObject({ bytes: 3 * PIECE });
    expect(part.resumed?.from).toBeUndefined();
    expect(await buffer(part.resumed!.read())).toHaveLength(3 * PIECE);
    expect(await publish(part, 1)).toBe(true);
    expect(await open('old').size('file')).toBe(4 * PIECE);
    expect(await s3.keys('old/')).toEqual(['old/file']);
  });
});
