import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Entries } from '../../src/export-folder/entries.ts';
import { indexPages, summaryOfAll } from '../../src/export-folder/index-pages.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { ManifestPages } from '../../src/export-folder/manifest-pages.ts';
import type { ManifestSummary } from '../../src/export-folder/manifest-summary.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import type { Manifest } from '../../src/fhir/manifest.ts';
import { readManifest } from '../../src/fhir/manifest.ts';
import { CHUNK } from '../../src/policy/batches.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { folderWith } from './folder-with.ts';

let root: string;
let folder: Folder;
let pages: ManifestPages;
let entries: Entries;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'late-index-'));
  folder = await openDirectory(root, 'export');
  pages = new ManifestPages(folder, FILES.pages);
  entries = new Entries(folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const room = { take: () => undefined };
const index = () => indexPages(pages, entries, room, () => {});

async function store(page: number, ...urls: string[]): Promise<void> {
  const body = JSON.stringify({
    transactionTime: '2026-01-01T00:00:00Z',
    request: 'https://a.example/$export',
    requiresAccessToken: false,
    output: urls.map((url) => ({ type: 'Patient', url })),
    error: [],
    ...(page < 3 ? { link: [{ relation: 'next', url: `https://a.example/status?page=${page + 1}` }] } : {}),
  });
  const read = readManifest(body);
  await pages.store(page, {
    body,
    manifest: (read as { manifest: Manifest }).manifest,
    url: 'https://a.example/status',
  });
}

/** An attempt that has seen the first page only, and goes on when there are two. */
async function lateAttempt(): Promise<ManifestSummary> {
  const [first] = await pages.all();
  const seen = { all: async () => [first], entries: pages.entries.bind(pages) } as unknown as ManifestPages;
  return indexPages(seen, entries, room, () => {});
}

const urls = async () => (await entries.readChunk(0)).map(({ url }) => url);

test('an attempt that was held up takes no page away', async () => {
  await store(1, 'https://a.example/1');
  await store(2, 'https://a.example/2');
  expect(await index()).toMatchObject({ pages: 2, entries: 2 });
  expect(await lateAttempt()).toMatchObject({ pages: 2, entries: 2 });
  expect(await entries.summary()).toMatchObject({ pages: 2, entries: 2 });
  expect(await urls()).toEqual(['https://a.example/1', 'https://a.example/2']);
});

test('entries that were taken away are there again', async () => {
  await store(1, 'https://a.example/1');
  await index();
  const late = await entries.readChunk(0);
  await store(2, 'https://a.example/2');
  await index();
  await entries.writeChunk(0, late);
  expect(await summaryOfAll(pages, entries, room)).toMatchObject({ pages: 2, entries: 2 });
  expect(await urls()).toEqual(['https://a.example/1', 'https://a.example/2']);
});

test('an index with fewer pages than there are is made again', async () => {
  await store(1, 'https://a.example/1');
  const late = await index();
  await store(2, 'https://a.example/2');
  await index();
  await entries.saveSummary(late);
  expect(await summaryOfAll(pages, entries, room)).toMatchObject({ pages: 2, entries: 2 });
  expect(await entries.summary()).toMatchObject({ pages: 2, entries: 2 });
});

test('a file that two pages list with different signatures is listed twice', async () => {
  await store(1, 'https://a.example/1?X-Amz-Signature=a&X-Amz-Date=20260101T000000Z');
  await store(2, 'https://a.example/1?X-Amz-Signature=b&X-Amz-Date=20260101T000100Z');
  expect(await index()).toMatchObject({ entries: 2, listedTwice: 1 });
});

test('a chunk of the index that cannot be written ends its attempt, and nothing else', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  const many = Array.from({ length: CHUNK }, (_, number) => `https://a.example/${number}`);
  await store(1, ...many);
  // Read while the first chunk is being written.
  await store(2, ...many);
  await store(3, ...many);
  const full = folderWith(folder, {
    write: async (name, content) => {
      if (name.endsWith('00000.json')) throw new Error('no space is left');
      await folder.write(name, content);
    },
  });
  await expect(indexPages(pages, new Entries(full), room, () => {})).rejects.toThrow('no space is left');
  await new Promise(setImmediate);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
  // Nor does what is under way go on behind the end of an attempt.
  let writes = 0;
  const slow = folderWith(folder, {
    write: async (name, content) => {
      writes++;
      await new Promise((resolve) => setTimeout(resolve, 50));
      await folder.write(name, content);
      writes--;
    },
  });
  const judge = ({ ordinal }: Entry): void => {
    if (ordinal === CHUNK) throw new Error('not allowed');
  };
  await expect(indexPages(pages, new Entries(slow), room, judge)).rejects.toThrow('not allowed');
  expect(writes).toBe(0);
});
