import { describe, expect, test } from 'vitest';
import {
  PIECE,
  VERSION,
  attempt,
  brokenOff,
  content,
  data,
  describeEachKind,
  expectBeginning,
  fill,
  finished,
  folder,
  hashOf,
  hashOfData,
  kind,
  path,
} from './each-kind.ts';

describeEachKind('has parts', () => {
  test.each([
    ['nothing', 0],
    ['a byte', 1],
    ['one byte less than a piece', PIECE - 1],
    ['exactly a piece', PIECE],
    ['a byte more than a piece', PIECE + 1],
    ['exactly two pieces', 2 * PIECE],
    ['several pieces', 3 * PIECE + 4321],
    ['more pieces than one upload may have', 3 * PIECE + 5],
  ])('a part of %s is published whole and leaves nothing', async (_, bytes) => {
    const part = await finished(await kind.open(path), bytes, '1', 'out/file 1.ndjson');
    expect(part.resumed).toBeUndefined();
    expect(await folder.size('out/file 1.ndjson')).toBeUndefined();
    expect(await part.publish('out/file 1.ndjson')).toBe(true);
    await part.discard();
    await part.discard();
    expect(await folder.size('out/file 1.ndjson')).toBe(bytes);
    expect(await hashOf(folder.stream('out/file 1.ndjson'))).toBe(hashOfData(bytes));
    expect(await kind.everything(path)).toEqual(['out/file 1.ndjson']);
  });

  describe('a part that broke off', () => {
    test('is gone on with, where the best one of earlier attempts ended', async () => {
      await brokenOff(await kind.open(path), PIECE + 100);
      await brokenOff(await kind.open(path), 3 * PIECE + 100);
      const part = await attempt();
      const bytes = part.resumed?.bytes ?? 0;
      expect(part.resumed?.version).toEqual(VERSION);
      expect(3 * PIECE + 100 - bytes).toBeLessThanOrEqual(PIECE);
      await expectBeginning(part, data);
      await fill(part, bytes, data.length);
      await part.finish();
      expect(await part.publish('file')).toBe(true);
      await part.discard();
      expect(await hashOf(folder.stream('file'))).toBe(hashOfData(data.length));
      expect(await kind.everything(path)).toEqual(['file']);
    });

    test('is not taken for that of another file', async () => {
      await brokenOff(await kind.open(path), 2 * PIECE + 1);
      const other = await attempt('11');
      expect(other.resumed).toBeUndefined();
      await other.discard();
    });

    test('without a checkpoint leaves nothing', async () => {
      const part = await attempt();
      await fill(part, 0, 2 * PIECE + 1);
      await part.keep();
      expect(await kind.everything(path)).toEqual([]);
      const next = await attempt();
      expect(next.resumed).toBeUndefined();
      await next.discard();
    });

    test('and was discarded leaves nothing, also when nothing was done with it', async () => {
      const part = await attempt();
      await fill(part, 0, 2 * PIECE + 1);
      await part.checkpoint(VERSION);
      await part.discard();
      await (await attempt()).discard();
      await (await attempt()).keep();
      expect(await kind.everything(path)).toEqual([]);
    });

    test('can be begun again with another version of the file', async () => {
      await brokenOff(await kind.open(path), 2 * PIECE + 1);
      const part = await attempt();
      expect(part.resumed?.bytes).toBeGreaterThanOrEqual(2 * PIECE);
      await part.restart();
      const [bytes, state] = [PIECE - 1000, { line: PIECE - 1000 }];
      await part.write([data.subarray(PIECE)], [{ bytes, state }]);
      await part.checkpoint({ validator: '"v2"' });
      await part.keep();
      const next = await attempt();
      expect(next.resumed?.version).toEqual({ validator: '"v2"' });
      await expectBeginning(next, data.subarray(PIECE));
      await next.restart();
      await next.write([Buffer.from('short')]);
      await next.finish();
      expect(await next.publish('file')).toBe(true);
      await next.discard();
      expect(await content('file')).toBe('short');
      expect(await kind.everything(path)).toEqual(['file']);
    });
  });
});
