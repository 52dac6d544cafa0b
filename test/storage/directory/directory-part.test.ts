import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdtemp, open, readFile, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PartHost } from '../../../src/storage/directory/directory-part.ts';
import { openDirectoryPart } from '../../../src/storage/directory/directory-part.ts';
import { openDirectory } from '../../../src/storage/directory/directory.ts';
import { copyPrefix } from '../../../src/storage/directory/directory-prefix.ts';
import type { FileVersion, Part } from '../../../src/storage/folder.ts';

const MIB = 1024 * 1024;
const VERSION: FileVersion = { validator: '"v1"', total: 200 * MIB };
const data = randomBytes(4 * MIB);

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'part-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const parts = (): string => join(root, 'export/.export/parts');
const openPart = async (label = '1'): Promise<Part> => (await openDirectory(root, 'export')).openPart(label);

/** A part of so many MiB that is durable, by an attempt that still runs. */
async function written(mebibytes: number): Promise<Part> {
  const part = await openPart();
  for (let at = 0; at < mebibytes; at += 4) await part.write([data]);
  await part.checkpoint(VERSION);
  return part;
}

async function contentOf(part: Part): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of part.resumed?.read() ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a part that is begun again', () => {
  test('leaves the old bytes to those who are copying them', async () => {
    const part = await written(4);
    const [name = ''] = (await readdir(parts())).filter((one) => one.endsWith('.part'));
    const copying = await open(join(parts(), name));
    await part.restart();
    await part.write([Buffer.from('of another version')]);
    await part.checkpoint({ validator: '"v2"' });
    expect((await copying.stat()).size).toBe(data.length);
    expect((await copying.readFile()).equals(data)).toBe(true);
    await copying.close();
    const heir = await openPart();
    expect(heir.resumed).toMatchObject({ bytes: 18, version: { validator: '"v2"' } });
    expect((await contentOf(heir)).toString()).toBe('of another version');
    for (const one of [part, heir]) await one.discard();
    expect(await readdir(parts())).toEqual([]);
  });

  test('forgets what it had taken over', async () => {
    await (await written(4)).keep();
    const part = await openPart();
    expect(part.resumed).toMatchObject({ bytes: data.length, version: VERSION });
    await part.restart();
    expect(part.resumed).toBeUndefined();
    // With nothing in it, it leaves nothing.
    await part.checkpoint({ validator: '"v2"' });
    expect(await part.keep()).toBe(0);
    expect(await readdir(parts())).toEqual([]);
  });

  test('while another attempt takes it over: that has all of the bytes or none, and is never stuck', async () => {
    const taken = new Set<number>();
    for (let round = 0; round < 6; round++) {
      const zombie = await written(32);
      const opening = openPart();
      await new Promise((resolve) => setTimeout(resolve, round * 3));
      const [heir] = await Promise.all([
        opening,
        zombie.restart().then(() => zombie.write([Buffer.from('of another version')])),
      ]);
      taken.add(heir.resumed?.bytes ?? 0);
      const content = await contentOf(heir);
      for (let at = 0; at < content.length; at += data.length) {
        expect(content.subarray(at, at + data.length).equals(data)).toBe(true);
      }
      for (const part of [zombie, heir]) await part.discard();
    }
    expect([...taken].filter((bytes) => bytes !== 0 && bytes !== 32 * MIB)).toEqual([]);
  });
});

describe('of what an earlier attempt has left', () => {
  test('a running attempt gives exactly what it has made durable', async () => {
    const running = await written(8);
    await running.write([data]);
    const heir = await openPart();
    expect(heir.resumed?.bytes).toBe(8 * MIB);
    expect((await contentOf(heir)).equals(Buffer.concat([data, data]))).toBe(true);
    for (const part of [running, heir]) await part.discard();
  });

  test('the next best is taken when the best is not whole any more', async () => {
    const earlier = [await written(4)];
    const [less = ''] = (await readdir(parts())).filter((one) => one.endsWith('.part'));
    // Of one that has more, only the checkpoint is right.
    await writeFile(join(parts(), '1.more.part'), data.subarray(0, 10));
    await writeFile(join(parts(), '1.more.checkpoint.json'), JSON.stringify({ bytes: 99, validator: '"v9"' }));
    const heir = await openPart();
    expect(heir.resumed).toMatchObject({ bytes: data.length, version: VERSION });
    expect(less).not.toBe('');
    for (const part of [...earlier, heir]) await part.discard();
  });

  test('a copy ends where the bytes do, and is none when they are fewer', async () => {
    const [from, to] = [join(root, 'from'), join(root, 'to')];
    await writeFile(from, data);
    const handle = await copyPrefix(from, to, MIB + 1);
    await handle?.close();
    expect((await readFile(to)).equals(data.subarray(0, MIB + 1))).toBe(true);
    await rm(to);
    await truncate(from, MIB);
    expect(await copyPrefix(from, to, MIB + 1)).toBeUndefined();
    await rm(from);
    expect(await copyPrefix(from, to, MIB + 1)).toBeUndefined();
    expect(await readdir(root)).toEqual([]);
  });

  test('a checkpoint of an older version has no size', async () => {
    await (await openPart('2')).discard();
    await (await written(4)).keep();
    for (const name of await readdir(parts())) {
      if (name.endsWith('.json')) {
        await writeFile(join(parts(), name), JSON.stringify({ bytes: 5, validator: '"v1"' }));
      }
    }
    const heir = await openPart();
    expect(heir.resumed).toMatchObject({ bytes: 5, version: { validator: '"v1"' } });
    await heir.discard();
  });
});

describe('a disk that fails while a file comes', () => {
  // Linux reports a failure to store once, to whoever asks first; to the next one all seems well.
  test.each(['finish', 'checkpoint'] as const)('fails %s, though nothing is wrong by then', async (step) => {
    const handle = await open(join(root, 'part'), 'w');
    let failures = 0;
    const datasync = async (): Promise<void> => {
      if (failures++ === 0) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    };
    const host: PartHost = {
      earlier: async () => [],
      create: async (name) => ({ path: join(root, name), handle: Object.assign(handle, { datasync }) }),
      guard: (action) => action(),
      publish: async () => true,
    };
    const part = await openDirectoryPart('1', host);
    for (let at = 0; at < 40; at += 4) await part.write([data]);
    await expect(step === 'finish' ? part.finish() : part.checkpoint(VERSION)).rejects.toThrow('EIO');
    await part.discard();
  });
});

describe('a small file', () => {
  /** Makes parts whose files are watched. */
  const watched = (does: string[]): PartHost => ({
    earlier: async () => [],
    create: async (name, flags) => {
      does.push(flags === undefined ? 'open' : flags & constants.O_DSYNC ? 'open durably' : 'open otherwise');
      const handle = await open(join(root, name), flags ?? 'wx');
      const watch = <A extends unknown[], R>(step: string, of: (...args: A) => R): ((...args: A) => R) => {
        return (...args) => {
          does.push(step);
          return of.apply(handle, args);
        };
      };
      const steps = {
        write: watch('write', handle.write as never),
        writev: watch('write', handle.writev as never),
        sync: watch('sync', handle.sync),
        close: watch('close', handle.close),
      };
      return { path: join(root, name), handle: Object.assign(handle, steps) };
    },
    guard: (action) => action(),
    publish: async (path, name) => rename(path, join(root, name)).then(() => true),
  });
  const isLinux = process.platform === 'linux';

  test('is opened, written durably and closed when it ends, and not touched before', async () => {
    const does: string[] = [];
    const part = await openDirectoryPart('1', watched(does));
    const chunks = [Buffer.from('small '), Buffer.from('file')];
    await part.write(chunks);
    // The memory belongs to the caller again.
    for (const chunk of chunks) chunk.fill(0);
    expect(does).toEqual([]);
    await part.finish();
    expect(does).toEqual(isLinux ? ['open durably', 'write', 'close'] : ['open', 'write', 'sync', 'close']);
    expect(await part.publish('whole')).toBe(true);
    expect(await readFile(join(root, 'whole'), 'utf8')).toBe('small file');
  });

  test.each([['more'], ['more than one block of the largest small file'.repeat(10_000)]])(
    'that turns out to be none is written in order, and made durable',
    async (more) => {
      const does: string[] = [];
      const part = await openDirectoryPart('1', watched(does));
      await part.write([Buffer.from('begin ')]);
      await part.write([Buffer.from(more)]);
      await part.finish();
      expect(does).toEqual(['open', 'write', 'write', 'sync', 'close']);
      await part.publish('whole');
      expect(await readFile(join(root, 'whole'), 'utf8')).toBe(`begin ${more}`);
    },
  );

  test('that begins again has nothing of what came before', async () => {
    const part = await openDirectoryPart('1', watched([]));
    await part.write([Buffer.from('one version')]);
    await part.restart();
    await part.write([Buffer.from('other')]);
    await part.finish();
    await part.publish('whole');
    expect(await readFile(join(root, 'whole'), 'utf8')).toBe('other');
  });

  test('of which a checkpoint is made can be taken over', async () => {
    const part = await openPart('1');
    await part.write([Buffer.from('so far')]);
    await part.checkpoint(VERSION);
    expect(await part.keep()).toBe(6);
    const heir = await openPart('1');
    expect(heir.resumed).toMatchObject({ bytes: 6 });
    await heir.discard();
  });

  test('that is empty is there', async () => {
    const part = await openDirectoryPart('1', watched([]));
    await part.finish();
    await part.publish('whole');
    expect(await readFile(join(root, 'whole'), 'utf8')).toBe('');
  });
});
