import { describe, expect, test } from 'vitest';
import { hasS3 } from '../../support/s3.ts';
import { PIECE, open, proxy, s3, useFaultyEndpoint } from './faulty-endpoint.ts';
import { giveUp, ids, isEnd, isPiece, killed, openFile, publish, write } from './uploads-under-test.ts';

/** What ends otherwise than as an object must not be begun in the same way for ever. */
describe.skipIf(!hasS3)('an upload of a file', () => {
  useFaultyEndpoint();

  test('that became an object of another length: the file loses its name, and begins anew', async () => {
    const part = await openFile('longer');
    let isMade = false;
    proxy.answer = (seen) => {
      isMade ||= isEnd(seen);
      return isMade && /^HEAD .*longer\/file/.test(seen) ? { headers: { 'content-length': '7' } } : undefined;
    };
    await expect(publish(part, 3)).rejects.toThrow('of 7 bytes');
    expect(await part.keep()).toBe(0);
    proxy.answer = () => undefined;
    expect(await open('longer').size('file')).toBeUndefined();
    expect(await publish(await openFile('longer'), 3)).toBe(true);
  });

  test.each([
    ['a piece', (seen: string) => isPiece(seen, '3')],
    ['the end', isEnd],
  ])('of which %s is refused: three attempts go on with it, and then one stores objects', async (what, isRefused) => {
    const path = `refused-${what.replace(' ', '-')}`;
    const [first, id] = [await killed(path, 2), [...ids()][0]];
    proxy.answer = (seen) =>
      isRefused(seen) && seen.includes(`uploadId=${id}`) ? { status: 400, code: 'InvalidRequest' } : undefined;
    let part = first;
    for (let attempt = 1; attempt <= 3; attempt++) {
      if (attempt > 1) part = await openFile(path);
      if (attempt > 1) expect(part.resumed?.bytes).toBe(2 * PIECE);
      await expect(publish(part, 1)).rejects.toThrow();
      expect(await part.keep()).toBe(2 * PIECE);
    }
    const next = await openFile(path);
    expect(next.resumed).toBeUndefined();
    expect(await publish(next, 3)).toBe(true);
    expect(await open(path).size('file')).toBe(3 * PIECE);
    expect(await s3.uploads()).toEqual([]);
  });

  test('of which pieces are refused now and then goes on: only refusals in a row count', async () => {
    await (await killed('now-and-then', 1)).keep();
    for (let pieces = 2; pieces <= 5; pieces++) {
      proxy.answer = (seen) => (isPiece(seen, `${pieces + 1}`) ? { status: 400, code: 'InvalidRequest' } : undefined);
      const part = await openFile('now-and-then');
      expect(part.resumed?.bytes).toBe((pieces - 1) * PIECE);
      await expect(publish(part, 3)).rejects.toThrow();
      expect(await part.keep()).toBe(pieces * PIECE);
    }
    proxy.answer = () => undefined;
    expect(await publish(await openFile('now-and-then'), 1)).toBe(true);
    expect(await open('now-and-then').size('file')).toBe(6 * PIECE);
  });

  test('that was ended by a rule, before or between pieces: its file is stored as objects, not begun for ever', async () => {
    const [before, during] = [await killed('rule', 2), await killed('rule-2', 2)];
    await before.keep();
    await giveUp('rule');
    await expect(publish(during, 2)).rejects.toThrow();
    expect(await during.keep()).toBe(0);
    for (const path of ['rule', 'rule-2']) {
      const had = ids().size;
      // Killed before it has stored a piece.
      await openFile(path);
      const next = await openFile(path);
      expect(next.resumed).toBeUndefined();
      await write(next, 3);
      expect(await next.keep()).toBe(2 * PIECE);
      expect(ids().size).toBe(had);
      expect(await publish(await openFile(path), 1)).toBe(true);
      expect(await s3.keys(`${path}/`)).toEqual([`${path}/file`]);
    }
    expect(await s3.uploads()).toEqual([]);
  });

  test.each(['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall'])(
    'that cannot become an object (%s): the next attempt stores objects',
    async (code) => {
      proxy.answer = (seen) => (isEnd(seen) ? { status: 400, code } : undefined);
      await expect(publish(await openFile(code), 3)).rejects.toThrow();
      proxy.answer = () => undefined;
      proxy.seen.length = 0;
      expect(await publish(await openFile(code), 3)).toBe(true);
      expect(proxy.seen.some((seen) => /^PUT .*parts\/1\..*000001/.test(seen))).toBe(true);
      expect(await s3.uploads()).toEqual([]);
    },
  );

  test('whose pieces have no ETags: the next attempt stores objects', async () => {
    proxy.answer = (seen) => (isPiece(seen) ? { headers: { etag: '' } } : undefined);
    const part = await openFile('no-etags');
    await expect(publish(part, 3)).rejects.toThrow('ETag');
    await part.keep();
    proxy.seen.length = 0;
    await write(await openFile('no-etags'), 3);
    expect(ids().size).toBe(0);
  });

  test('over whose object another attempt has published its own: that one stays', async () => {
    const part = await openFile('over');
    let isMade = false;
    proxy.answer = (seen) => {
      isMade ||= isEnd(seen);
      const other = { 'content-length': '7', etag: '"another"' };
      return isMade && /^HEAD .*over\/file/.test(seen) ? { headers: other } : undefined;
    };
    expect(await publish(part, 3)).toBe(false);
    proxy.answer = () => undefined;
    expect(await open('over').size('file')).toBe(3 * PIECE);
  });
});
