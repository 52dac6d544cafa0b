import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followOn } from '../../src/export-folder/follow-on.ts';
import { FILES, pageMetaFile } from '../../src/export-folder/layout.ts';
import { CLOCKS_DIFFER } from '../../src/fhir/instant.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { folderWith } from './folder-with.ts';

const TIME = '2026-01-01T00:00:00Z';
const PAGES = 30;

let root: string;
let folder: Folder;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'follow-on-'));
  folder = await openDirectory(root, '');
  // Only the last page came late enough for the time to be right.
  const early = Date.parse(TIME) - 2 * CLOCKS_DIFFER;
  for (let page = 1; page <= PAGES; page++) {
    const readAt = page === PAGES ? Date.parse(TIME) : early;
    await folder.write(`export/${pageMetaFile(page, FILES.pages)}`, JSON.stringify({ readAt }));
  }
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Where another export follows on, and how many files were read for it. */
async function followed(): Promise<{ mark: string | undefined; reads: number }> {
  let reads = 0;
  const counting = folderWith(folder, {
    read: async (name) => {
      reads++;
      return folder.read(name);
    },
  });
  const complete = {
    since: undefined,
    report: { status: 'complete', transactionTime: TIME },
    timeIsEnd: false,
  } as const;
  return { mark: await followOn(counting, 'export/', complete), reads };
}

const writeSummary = (pages: unknown): Promise<void> =>
  folder.write(`export/${FILES.summary}`, JSON.stringify({ pages }));

test('the last page of many is found in a few steps', async () => {
  await writeSummary(PAGES);
  const { mark, reads } = await followed();
  expect(mark).toBe(TIME);
  expect(reads).toBeLessThanOrEqual(3);
});

test.each([
  ['there is no list of the pages', undefined],
  ['a late attempt has listed fewer', 2],
  ['the list names more than there are', PAGES + 7],
  ['the list is of another form', 'many'],
])('the last page is found when %s', async (_, pages) => {
  if (pages !== undefined) await writeSummary(pages);
  expect((await followed()).mark).toBe(TIME);
});
