import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ExportReport } from '../../src/contract.ts';
import { AttachmentEntries } from '../../src/export-folder/attachment-entries.ts';
import { Entries } from '../../src/export-folder/entries.ts';
import { ExportResult } from '../../src/export-folder/export-result.ts';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { publishAgain } from '../../src/export-folder/publish-again.ts';
import { FinishedMeanwhileError } from '../../src/export-folder/refuse-finished.ts';
import { Troubles } from '../../src/export-folder/troubles.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { folderWith } from './folder-with.ts';

let root: string;
let folder: Folder;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'late-'));
  folder = await openDirectory(root, 'export');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const textOf = async (name: string): Promise<string | undefined> => (await folder.read(name))?.toString('utf8');

test('an attempt that settles when another one has finished the export changes nothing', async () => {
  const result = new ExportResult(folder, new JobRecord(folder), new Troubles(folder));
  const late = await result.openManifest({ pages: 1, entries: 0, transactionTime: 'late', requiresAccessToken: false });
  await folder.write(FILES.attachments, 'index of the first');
  await folder.write(FILES.report, 'report of the first');
  await folder.write(FILES.manifest, 'manifest of the first');

  const part = await folder.openPart('index');
  await part.finish();
  await expect(publishAgain(folder, part, FILES.attachments)).rejects.toThrow(FinishedMeanwhileError);
  await expect(result.publish({} as ExportReport, late)).rejects.toThrow(FinishedMeanwhileError);

  expect(await textOf(FILES.attachments)).toBe('index of the first');
  expect(await textOf(FILES.report)).toBe('report of the first');
  expect(await textOf(FILES.manifest)).toBe('manifest of the first');
});

test('of two attempts that settle at the same moment the one whose manifest came too late is not the one', async () => {
  const write = folder.write.bind(folder);
  const late = folderWith(folder, {
    write: async (name, content) => {
      await write(name, content);
      if (name === FILES.report) await write(FILES.manifest, 'manifest of the first');
    },
  });
  const result = new ExportResult(late, new JobRecord(late), new Troubles(late));
  const summary = { pages: 1, entries: 0, transactionTime: 'late', requiresAccessToken: false };
  const manifest = await result.openManifest(summary);
  await expect(result.publish({} as ExportReport, manifest)).rejects.toThrow(FinishedMeanwhileError);
  await manifest.discard();
  expect(await textOf(FILES.manifest)).toBe('manifest of the first');
});

test('a manifest of what is there that another attempt has published meanwhile is made again', async () => {
  const removeFile = folder.removeFile.bind(folder);
  const late = folderWith(folder, {
    removeFile: async (name) => {
      await removeFile(name);
      await folder.write(name, 'of another attempt');
    },
  });
  const result = new ExportResult(late, new JobRecord(late), new Troubles(late));
  const manifest = await result.openManifest({
    pages: 1,
    entries: 0,
    transactionTime: 'late',
    requiresAccessToken: false,
  });
  await expect(result.publishPartial(manifest, { reason: 'x', missing: 1 })).rejects.toMatchObject({ code: 'EEXIST' });
  await manifest.discard();
});

test('an attempt that finds attachments late does not shorten the list of a later one', async () => {
  const entries = new Entries(folder);
  const link = (number: number) => ({
    url: `https://a.example/${number}`,
    needsToken: false,
    contentType: undefined,
    fileSize: undefined,
    hash: undefined,
  });
  const late = await AttachmentEntries.open(entries, 10);
  await late.add(link(10));
  const later = await AttachmentEntries.open(entries, 10);
  for (let number = 10; number < 15; number++) await later.add(link(number));
  await later.save();
  await late.save();
  const { length } = await entries.readChunk(0);
  expect(length).toBe(5);
});
