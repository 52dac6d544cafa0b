import { mkdir, mkdtemp, open, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openDirectory } from '../../../src/storage/directory/directory.ts';
import type { Part } from '../../../src/storage/folder.ts';

const MIB = 1024 * 1024;

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'take-over-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const parts = (): string => join(root, 'export/.export/parts');
const openPart = async (signal?: AbortSignal): Promise<Part> =>
  (await openDirectory(root, 'export')).openPart('1', undefined, signal);

/** Leaves so many MiB that can be taken over. */
async function leave(mebibytes: number): Promise<void> {
  const part = await openPart();
  await part.write([Buffer.alloc(mebibytes * MIB, 'x')]);
  await part.checkpoint({ validator: '"v1"' });
  await part.keep();
}

describe('a take-over that fails', () => {
  /** Files below the destination that this process holds open. */
  const openFiles = async (): Promise<string[]> => {
    const links = (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ''));
    return (await Promise.all(links)).filter((path) => path.startsWith(root));
  };
  const isLinux = process.platform === 'linux';

  test('leaves what it would have taken over, and nothing of its own, however often it is tried', async () => {
    await leave(8);
    const before = await readdir(parts());
    const some = await open(join(root, 'some'), 'w');
    const fault = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    const datasync = vi.spyOn(Object.getPrototypeOf(some) as typeof some, 'datasync').mockRejectedValue(fault);
    for (let attempt = 0; attempt < 3; attempt++) await expect(openPart()).rejects.toThrow('EIO');
    expect(datasync).toHaveBeenCalledTimes(3);
    datasync.mockRestore();
    await some.close();
    expect(await readdir(parts())).toEqual(before);
    if (isLinux) expect(await openFiles()).toEqual([]);
    const heir = await openPart();
    expect(heir.resumed?.bytes).toBe(8 * MIB);
    await heir.discard();
    expect(await readdir(parts())).toEqual([]);
  });

  test('because something stays that should go: what has come stays, once', async () => {
    await leave(8);
    // What no file can be removed as.
    await mkdir(join(parts(), '1.folder.part'));
    for (let attempt = 0; attempt < 3; attempt++) await expect(openPart()).rejects.toThrow();
    expect(await readdir(parts())).toHaveLength(3);
    if (isLinux) expect(await openFiles()).toEqual([]);
    await rm(join(parts(), '1.folder.part'), { recursive: true });
    const heir = await openPart();
    expect(heir.resumed?.bytes).toBe(8 * MIB);
    await heir.discard();
  });

  test('because it is cancelled ends at once, and leaves nothing of its own', async () => {
    await leave(64);
    const before = await readdir(parts());
    const some = await open(join(root, 'some'), 'w');
    const write = vi.spyOn(Object.getPrototypeOf(some) as typeof some, 'write');
    await some.close();
    const cancel = new AbortController();
    const opening = openPart(cancel.signal);
    const reason = new Error('cancelled');
    cancel.abort(reason);
    await expect(opening).rejects.toBe(reason);
    // None where the file system copies by reference.
    expect(write.mock.calls.length).toBeLessThan(10);
    write.mockRestore();
    expect(await readdir(parts())).toEqual(before);
    if (isLinux) expect(await openFiles()).toEqual([]);
  });
});
