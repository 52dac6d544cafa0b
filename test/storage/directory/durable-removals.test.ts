import type * as FsPromises from 'node:fs/promises';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDirectory } from '../../../src/storage/directory/directory.ts';
import type { Folder } from '../../../src/storage/folder.ts';

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof FsPromises>();
  return { ...real, open: vi.fn(real.open), rename: vi.fn(real.rename) };
});

let root: string;
let folder: Folder;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'removals-'));
  folder = await openDirectory(root, 'export');
  await folder.write('attachments/1', 'cut');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** When a folder was made durable and when the document got its name, among all calls. */
async function orderOfWrite(): Promise<{ synced: number[]; named: number }> {
  vi.mocked(open).mockClear();
  vi.mocked(rename).mockClear();
  await folder.write('.export/receipts/1.json', '[]');
  const order = vi.mocked(open).mock.invocationCallOrder;
  const synced = vi
    .mocked(open)
    .mock.calls.flatMap(([path, flags], at) =>
      flags === 'r' && basename(String(path)) === 'attachments' ? [order[at] as number] : [],
    );
  return { synced, named: vi.mocked(rename).mock.invocationCallOrder[0] as number };
}

test.each(['removeFile', 'remove'] as const)(
  '%s: what was removed stays away when the document that is written next is there',
  async (method) => {
    await folder[method]('attachments/1');
    const { synced, named } = await orderOfWrite();
    expect(synced).toHaveLength(1);
    expect(synced[0]).toBeLessThan(named);
    expect((await orderOfWrite()).synced).toEqual([]);
  },
);

test('the folder of what was removed may be gone as well', async () => {
  await folder.removeFile('attachments/1');
  await folder.remove('attachments');
  await folder.write('.export/receipts/1.json', '[]');
  expect(await folder.size('.export/receipts/1.json')).toBe(2);
});

test('a folder in which something was removed must still be there for what it was given', async () => {
  await folder.write('attachments/2', 'whole');
  const part = await folder.openPart('1');
  await part.write([Buffer.from('x')]);
  await part.finish();
  await part.publish('attachments/3');
  await folder.removeFile('attachments/2');
  await rm(join(root, 'export/attachments'), { recursive: true });
  await expect(folder.write('.export/receipts/1.json', '[]')).rejects.toThrow();
});
