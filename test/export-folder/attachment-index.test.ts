import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { publishAttachmentIndex } from '../../src/export-folder/attachment-index.ts';
import { FoundAttachments } from '../../src/export-folder/found-attachments.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { PublishedFiles } from '../../src/export-folder/published-files.ts';
import { Receipts } from '../../src/export-folder/receipts.ts';
import { Troubles } from '../../src/export-folder/troubles.ts';
import { CHUNK } from '../../src/policy/batches.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { folderWith } from './folder-with.ts';

const SIGNAL = new AbortController().signal;
const FILE = 'attachments/one';

let root: string;
let folder: Folder;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'attachment-index-'));
  folder = await openDirectory(root, 'export');
  await folder.write(FILE, 'x');
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Of attachments that have these numbers, named in this order. @returns how often a chunk of receipts was read */
async function readsFor(ordinals: readonly number[]): Promise<number> {
  const writer = new FoundAttachments(folder).write(0);
  for (const ordinal of ordinals) {
    await writer.add({
      resource: `Media/${ordinal}`,
      element: 'content',
      url: `https://a.example/${ordinal}`,
      ordinal,
    });
  }
  await writer.publish();
  const all = [...new Set(ordinals)];
  const batch = new Receipts(folder).ofBatch(all);
  for (const ordinal of all) {
    await batch.add({ ordinal, name: FILE, bytes: 1, sha256: String(ordinal), records: 0, headers: 0 });
  }
  await batch.save();
  let reads = 0;
  const counting = folderWith(folder, {
    list: async (inside) => {
      if (inside.startsWith(FILES.receipts)) reads++;
      return folder.list(inside);
    },
  });
  const sources = {
    found: new FoundAttachments(counting),
    receipts: new Receipts(counting),
    files: new PublishedFiles(counting),
    troubles: new Troubles(counting),
  };
  const counts = await publishAttachmentIndex(counting, sources, SIGNAL, () => {});
  expect(counts).toEqual({ files: all.length, bytes: all.length, missing: 0 });
  const lines = (await folder.read(FILES.attachments))?.toString().trimEnd().split('\n') ?? [];
  const found = lines.map((line) => JSON.parse(line) as { resource: string; sha256: string });
  expect(found.map(({ resource, sha256 }) => [resource, sha256])).toEqual(
    ordinals.map((ordinal) => [`Media/${ordinal}`, String(ordinal)]),
  );
  return reads;
}

test('reads each chunk of receipts once when all resources name a common attachment and one of their own', async () => {
  const ordinals = Array.from({ length: 2 * CHUNK }, (_, own) => [0, CHUNK + own]).flat();
  expect(await readsFor(ordinals)).toBe(3);
});

test('keeps few chunks in memory, and finds what is in others', async () => {
  const firsts = Array.from({ length: 100 }, (_, chunk) => chunk * CHUNK);
  expect(await readsFor([...firsts, ...firsts])).toBe(200);
});
