import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchLinks } from '../../src/activities/batch/link-watch.ts';
import { Entries } from '../../src/export-folder/entries.ts';
import { indexPages } from '../../src/export-folder/index-pages.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import type { PageMeta } from '../../src/export-folder/manifest-pages.ts';
import { ManifestPages } from '../../src/export-folder/manifest-pages.ts';
import { ManifestReading } from '../../src/export-folder/manifest-reading.ts';
import type { Manifest } from '../../src/fhir/manifest.ts';
import { readManifest } from '../../src/fhir/manifest.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import { folderWith } from '../export-folder/folder-with.ts';

const MINUTE = 60_000;
const TERMS = { goodFor: 15_000, believed: true };

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'link-watch-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true });
});

function received(signature: string) {
  const output = [1, 2].map((number) => ({ type: 'Patient', url: `https://a.example/${number}?sig=${signature}` }));
  const body = JSON.stringify({
    transactionTime: '2026-01-01T00:00:00Z',
    request: 'x',
    requiresAccessToken: false,
    output,
  });
  const { manifest } = readManifest(body) as { manifest: Manifest };
  return { body, manifest, url: 'https://a.example/status', base: 'https://a.example/status' };
}

test.each([FILES.summary, FILES.readingProgress])(
  'what a link proves by working is not more than its age, when it is read while %s is written',
  async (document) => {
    let onWrite = async (): Promise<void> => {};
    const plain = await openDirectory(root, 'export');
    const folder = folderWith(plain, {
      write: async (name, content) => {
        const progress = (await plain.read(FILES.readingProgress))?.toString() ?? '';
        if (name === document && progress.includes('"stored"')) await onWrite();
        await plain.write(name, content);
      },
    });
    const entries = new Entries(folder);
    const pages = new ManifestPages(folder, FILES.pages);
    const reading = new ManifestReading(folder, entries, pages);
    const now = Date.now.bind(Date);
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() - MINUTE);
    await pages.store(1, { ...received('old'), expires: undefined, date: undefined });
    await indexPages(pages, entries, { take: () => undefined }, () => {});
    clock.mockRestore();

    const id = { mark: 'mark', reading: 0 };
    await reading.begin(id, Infinity);
    const page: PageMeta = await reading.storePage(id, 1, { ...received('new'), expires: undefined, date: undefined });
    let proved: { url: string | undefined; age: number | undefined } | undefined;
    onWrite = async () => {
      const links = await watchLinks({ entries, reading }, TERMS);
      const [entry] = await entries.ofRanges([[0, 1]]);
      await links.entriesWereRead();
      proved = { url: entry?.url, age: links.leastAge() };
    };
    await reading.renewLinks(id, [page], true);
    expect(proved?.url).toBe('https://a.example/1?sig=new');
    expect(proved?.age).toBeLessThan(MINUTE / 2);
  },
);

test('nothing is proved of attachments, which are in no manifest', async () => {
  const folder = await openDirectory(root, 'export');
  const entries = new Entries(folder);
  const reading = new ManifestReading(folder, entries, new ManifestPages(folder, FILES.pages));
  const links = await watchLinks({ entries, reading }, undefined);
  await links.entriesWereRead();
  expect([links.age(), links.leastAge()]).toEqual([undefined, undefined]);
});
