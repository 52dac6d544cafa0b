import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder, FileVersion, Part } from '../../src/storage/folder.ts';
import type { PieceRules } from '../../src/storage/s3/s3-part.ts';
import { openS3 } from '../../src/storage/s3/s3.ts';
import type { TestS3 } from '../support/s3.ts';
import { hasS3, startS3 } from '../support/s3.ts';

const MIB = 1024 * 1024;
/** The smallest pieces that S3 takes. */
const PIECE = 5 * MIB;
const RULES: PieceRules = { pieceBytes: PIECE, maxPieces: 3 };
const VERSION: FileVersion = { validator: '"v1"', total: 4 * PIECE };

interface Kind {
  start(): Promise<void>;
  stop(): Promise<void>;
  open(path: string): Promise<Folder>;
  /** All that is at the destination below a path, also what is hidden from its users. */
  everything(path: string): Promise<string[]>;
}

const data = randomBytes(4 * PIECE);

function directory(): Kind {
  let root: string;
  return {
    start: async () => void (root = await mkdtemp(join(tmpdir(), 'directory-'))),
    stop: () => rm(root, { recursive: true, force: true }),
    open: (path) => openDirectory(root, path),
    everything: async (path) => {
      const found = await readdir(join(root, path), { recursive: true, withFileTypes: true });
      return found
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(join(root, path).length + 1))
        .sort();
    },
  };
}

function s3(): Kind {
  let service: TestS3;
  return {
    start: async () => void (service = await startS3()),
    stop: () => service.stop(),
    open: async (path) => openS3(service.destination({ prefix: 'raw' }), path, RULES),
    everything: async (path) => {
      const under = (key: string): boolean => key.startsWith(`raw/${path}/`);
      const uploads = (await service.uploads()).filter(under).map((key) => `upload of ${key}`);
      const keys = (await service.keys()).filter(under).map((key) => key.slice(`raw/${path}/`.length));
      return [...keys, ...uploads].sort();
    },
  };
}

/** Writes as a download does, in chunks of no particular size. */
async function fill(part: Part, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 300_007) await part.write(data.subarray(at, Math.min(at + 300_007, to)));
}

async function hashOf(content: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}

const hashOfData = (to: number): string => createHash('sha256').update(data.subarray(0, to)).digest('hex');

/** An attempt that ended after so many bytes. */
async function brokenOff(folder: Folder, bytes: number, version = VERSION): Promise<void> {
  const part = await folder.openPart('1');
  await fill(part, part.resumed?.bytes ?? 0, bytes);
  await part.checkpoint(version);
  await part.keep();
}

async function finished(folder: Folder, bytes: number, label = '1'): Promise<Part> {
  const part = await folder.openPart(label);
  await fill(part, part.resumed?.bytes ?? 0, bytes);
  await part.finish();
  return part;
}

let paths = 0;

describe.each([
  ['directory', directory(), true],
  ['s3', s3(), hasS3],
] as const)('%s', (name, kind, there) => {
  describe.skipIf(!there)('is an export folder', () => {
    let folder: Folder;
    let path: string;
    /** A part as another attempt opens it. */
    const attempt = async (label = '1') => (await kind.open(path)).openPart(label);

    beforeAll(() => kind.start());
    afterAll(() => kind.stop());
    beforeEach(async () => {
      path = `2026/export-${++paths}`;
      folder = await kind.open(path);
    });

    /** Names directly in a folder, without the project's own. */
    const list = async (inside: string): Promise<string[]> =>
      (await folder.list(inside)).filter((file) => file !== '.export').sort();
    const content = async (file: string): Promise<string | undefined> => (await folder.read(file))?.toString();

    describe('documents', () => {
      test('are written over one another, and read', async () => {
        expect(await folder.read('a.json')).toBeUndefined();
        expect(await folder.size('a.json')).toBeUndefined();
        await folder.write('a.json', 'first, and longer');
        await folder.write('a.json', 'ünd');
        expect(await content('a.json')).toBe('ünd');
        expect(await folder.size('a.json')).toBe(4);
        expect(await kind.everything(path)).toEqual(['a.json']);
      });

      test('may be empty', async () => {
        await folder.write('empty', '');
        expect(await content('empty')).toBe('');
        expect(await folder.size('empty')).toBe(0);
      });

      test('are created once, also when many try at the same time', async () => {
        const folders = await Promise.all(Array.from({ length: 20 }, () => kind.open(path)));
        const created = await Promise.all(folders.map((one, number) => one.create('mark', String(number))));
        expect(created.filter(Boolean)).toHaveLength(1);
        expect(await content('mark')).toBe(String(created.indexOf(true)));
        expect(await folder.create('mark', 'late')).toBe(false);
        expect(await content('mark')).toBe(String(created.indexOf(true)));
      });

      test('have names with odd characters', async () => {
        const names = ['a b+c', '%41.txt', 'ü/é~(1).json', `it's & <"so">`, '#?=;:@,', '日本', '...'];
        for (const file of names) {
          await folder.write(`odd/${file}`, file);
          expect(await content(`odd/${file}`)).toBe(file);
        }
        const first = names.map((file) => file.split('/')[0]);
        expect(new Set(await list('odd'))).toEqual(new Set(first));
        await folder.remove('odd/a b+c');
        expect(await folder.list('odd')).not.toContain('a b+c');
        await folder.remove('odd');
        expect(await kind.everything(path)).toEqual([]);
      });

      test('are listed by folder', async () => {
        expect(await folder.list('')).toEqual([]);
        expect(await folder.list('nothing')).toEqual([]);
        for (const file of ['x', 'a/1', 'a/2', 'a/b/3', 'ab']) await folder.write(file, file);
        expect(await list('')).toEqual(['a', 'ab', 'x']);
        expect(await list('a')).toEqual(['1', '2', 'b']);
      });

      test('are removed one by one or with their folder, and nothing beside them', async () => {
        for (const file of ['x', 'a/1', 'a/b/3', 'ab', 'a.json']) await folder.write(file, file);
        await folder.remove('x');
        await folder.remove('not there');
        expect(await list('')).toEqual(['a', 'a.json', 'ab']);
        await folder.remove('a');
        expect(await list('')).toEqual(['a.json', 'ab']);
        await folder.remove('');
        folder = await kind.open(path);
        expect(await kind.everything(path)).toEqual([]);
      });

      test('are more than a page of a listing has', async () => {
        const names = Array.from({ length: 1101 }, (_, number) => `many/${number}`);
        while (names.length > 0) await Promise.all(names.splice(0, 50).map((file) => folder.write(file, '')));
        expect(new Set(await folder.list('many')).size).toBe(1101);
        await folder.remove('many');
        expect(await folder.list('many')).toEqual([]);
      });
    });

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
      const part = await finished(await kind.open(path), bytes);
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
        expect(await hashOf(part.resumed!.read())).toBe(hashOfData(bytes));
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
        await part.write(data.subarray(PIECE));
        await part.checkpoint({ validator: '"v2"' });
        await part.keep();
        const next = await attempt();
        expect(next.resumed?.version).toEqual({ validator: '"v2"' });
        const bytes = next.resumed?.bytes ?? 0;
        expect(await hashOf(next.resumed!.read())).toBe(
          createHash('sha256')
            .update(data.subarray(PIECE, PIECE + bytes))
            .digest('hex'),
        );
        await next.restart();
        await next.write(Buffer.from('short'));
        await next.finish();
        expect(await next.publish('file')).toBe(true);
        await next.discard();
        expect(await content('file')).toBe('short');
        expect(await kind.everything(path)).toEqual(['file']);
      });
    });

    describe('an attempt that still runs though another has taken over', () => {
      let zombie: Part;
      let heir: Part;

      beforeEach(async () => {
        zombie = await attempt();
        await fill(zombie, 0, 2 * PIECE + 100);
        await zombie.checkpoint(VERSION);
        // Its pieces may still be on their way.
        await expect.poll(() => kind.everything(path)).toContainEqual(expect.stringMatching(/checkpoint\.json$/));
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
        await zombie.write(randomBytes(3 * PIECE));
        await zombie.checkpoint({ validator: '"v2"' });
        await inherits();
      });

      test('publishes late: not over what is there', async () => {
        await zombie.write(Buffer.from('something else'));
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
      const parts = await Promise.all([finished(guarded, small), finished(guarded, big, '2')]);
      await guarded.write('a/2', 'there');
      isOurs = false;
      const before = await kind.everything(path);
      for (const change of [
        () => guarded.write('a/1', 'other'),
        () => guarded.create('a/3', ''),
        () => guarded.remove('a'),
        () => guarded.removeFile('a/1'),
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
      const running = await attempt();
      await fill(running, 0, 2 * PIECE + 100);
      await running.checkpoint(VERSION);
      await folder.removeParts();
      await running.finish().catch(() => {});
      await expect(running.publish('other')).rejects.toThrow();
      await running.discard();
      await folder.removeParts();
      expect(await kind.everything(path)).toEqual(['file']);
    });

    test('streams a large file, also to a reader that does not want all of it', async () => {
      const part = await finished(await kind.open(path), data.length);
      await part.publish('large');
      await part.discard();
      let read = 0;
      for await (const chunk of folder.stream('large')) {
        read += chunk.length;
        if (read > MIB) break;
      }
      expect(read).toBeLessThan(3 * MIB);
      expect(await hashOf(folder.stream('large'))).toBe(hashOfData(data.length));
    });

    test('a stream of nothing fails', async () => {
      await expect(hashOf(folder.stream('nothing'))).rejects.toThrow();
    });

    test('says where it is', () => {
      expect(folder.location).toMatch(name === 's3' ? `s3://lake/raw/${path}` : new RegExp(`/${path}$`));
    });
  });
});
