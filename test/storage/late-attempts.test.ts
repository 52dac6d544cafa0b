import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Part } from '../../src/storage/folder.ts';
import {
  PIECE,
  VERSION,
  attempt,
  content,
  data,
  describeEachKind,
  fill,
  finished,
  folder,
  hashOf,
  hashOfData,
  kind,
  openPart,
  path,
} from './each-kind.ts';

/** Whether a later attempt has a place to go on at. */
async function isKnown(): Promise<boolean> {
  const names = await kind.everything(path);
  const records = names.filter((name) => /(checkpoint|upload)\.json$/.test(name));
  const texts = await Promise.all(records.map((name) => content(name)));
  return texts.some((text) => text?.includes('"validator"'));
}

describeEachKind('has attempts that overtake one another', () => {
  describe('an attempt that still runs though another has taken over', () => {
    let zombie: Part;
    let heir: Part;

    beforeEach(async () => {
      zombie = await attempt();
      await fill(zombie, 0, 2 * PIECE + 100);
      await zombie.checkpoint(VERSION);
      // Its pieces may still be on their way.
      await expect.poll(isKnown, { timeout: 30_000 }).toBe(true);
      heir = await attempt();
      expect(heir.resumed?.bytes).toBeGreaterThanOrEqual(PIECE);
      await fill(heir, heir.resumed?.bytes ?? 0, 3 * PIECE);
    });

    afterEach(async () => {
      for (const part of [zombie, heir]) await part.discard();
    });

    const inherits = async (): Promise<void> => {
      await fill(heir, 3 * PIECE, data.length);
      await heir.finish();
      expect(await heir.publish('file')).toBe(true);
      await heir.discard();
      expect(await hashOf(folder.stream('file'))).toBe(hashOfData(data.length));
      await folder.removeParts();
      expect(await kind.everything(path)).toEqual(['file']);
    };

    test('writes on and makes checkpoints', async () => {
      await fill(zombie, 2 * PIECE + 100, data.length).catch(() => {});
      await zombie.checkpoint(VERSION).catch(() => {});
      await inherits();
    });

    test('discards', async () => {
      await zombie.discard();
      await inherits();
    });

    test('keeps', async () => {
      await zombie.keep();
      await inherits();
    });

    test('begins again with other bytes', async () => {
      await zombie.restart();
      await zombie.write([randomBytes(3 * PIECE)]);
      await zombie.checkpoint({ validator: '"v2"' });
      await inherits();
    });

    test('publishes late: not over what is there', async () => {
      await zombie.write([Buffer.from('something else')]);
      await zombie.finish().catch(() => {});
      await inherits();
      expect(await zombie.publish('file').catch(() => false)).toBe(false);
      await zombie.discard();
      expect(await hashOf(folder.stream('file'))).toBe(hashOfData(data.length));
    });

    test('publishes first: what it has is whole, or it fails', async () => {
      await fill(zombie, 2 * PIECE + 100, data.length).catch(() => {});
      await zombie.finish().catch(() => {});
      const published = await zombie.publish('file').catch(() => false);
      await fill(heir, 3 * PIECE, data.length);
      await heir.finish();
      expect(await heir.publish('file')).toBe(!published);
      expect(await hashOf(folder.stream('file'))).toBe(hashOfData(data.length));
    });
  });

  test.each([
    ['small files', 1000],
    ['files of several pieces', 2 * PIECE + 7],
  ])('of attempts that publish at the same moment exactly one does: %s', async (_, bytes) => {
    const parts = await Promise.all(
      // Labels of their own, because an attempt removes what others have under its own.
      Array.from({ length: 6 }, async (_, number) => finished(await kind.open(path), bytes, `l${number}`)),
    );
    const published = await Promise.all(parts.map((part) => part.publish('file')));
    expect(published.filter(Boolean)).toHaveLength(1);
    await Promise.all(parts.map((part) => part.discard()));
    expect(await hashOf(folder.stream('file'))).toBe(hashOfData(bytes));
    expect(await kind.everything(path)).toEqual(['file']);
  });

  test('that is guarded changes nothing any more when it must not', async () => {
    const [small, big] = [PIECE - 1, 2 * PIECE + 1];
    await folder.write('a/1', 'there');
    let isOurs = true;
    const guarded = folder.guardedBy(async () => {
      if (!isOurs) throw new Error('no more');
    });
    const parts = await Promise.all([finished(guarded, small, '1', 'file.0'), finished(guarded, big, '2', 'file.1')]);
    await guarded.write('a/2', 'there');
    isOurs = false;
    const before = await kind.everything(path);
    for (const change of [
      () => guarded.write('a/1', 'other'),
      () => guarded.create('a/3', ''),
      () => guarded.remove('a'),
      () => guarded.removeFile('a/1'),
      () => guarded.removeFiles(['a/1', 'a/2']),
      () => guarded.removeParts(),
      () => guarded.mayChange(),
      ...parts.map((part, place) => () => part.publish(`file.${place}`)),
    ])
      await expect(change()).rejects.toThrow('no more');
    expect(await kind.everything(path)).toEqual(before);
    expect(await content('a/1')).toBe('there');
    isOurs = true;
    expect(await Promise.all(parts.map((part, place) => part.publish(`file.${place}`)))).toEqual([true, true]);
    await Promise.all(parts.map((part) => part.discard()));
    expect(await kind.everything(path)).toEqual(['a/1', 'a/2', 'file.0', 'file.1']);
  });

  test('removing parts leaves finished files alone, and the attempts that still run fail', async () => {
    await folder.write('file', 'finished');
    const running = await openPart(await kind.open(path), '1', 'file 2');
    await fill(running, 0, 2 * PIECE + 100);
    await running.checkpoint(VERSION);
    // As its activity does: what a gateway removes while a piece arrives may fail.
    await folder.removeParts().catch(() => folder.removeParts());
    await running.finish().catch(() => {});
    await expect(running.publish('file 2')).rejects.toThrow();
    await running.discard();
    await folder.removeParts();
    expect(await kind.everything(path)).toEqual(['file']);
  });
});
