import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { PublishedFiles } from '../../src/export-folder/published-files.ts';
import type { Receipt } from '../../src/export-folder/receipt.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { describeEachKind, folder } from '../storage/each-kind.ts';
import { folderWith } from './folder-with.ts';

const CONTENT = Buffer.from('%PDF-1.7 and all the rest of the document');
const CUT = CONTENT.subarray(0, 9);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const NAME = `attachments/${SHA256}`;
const FILE = { bytes: CONTENT.length, records: 0, headers: 0, sha256: SHA256 };
const ENTRY: Entry = {
  ordinal: 500,
  page: 0,
  kind: 'attachment',
  index: 0,
  url: 'https://a.example/Binary/1',
  name: 'attachment 500',
  needsToken: false,
};

/** An attempt that has fetched all of it. */
async function fetched(place: Folder = folder): Promise<Receipt> {
  const files = new PublishedFiles(place);
  const part = await files.openPart(1, ENTRY);
  await part.write([CONTENT]);
  const watch = { signal: new AbortController().signal, report: () => {} };
  return files.publish(ENTRY, part, FILE, 'fast', watch);
}

describeEachKind('an attachment that comes again', () => {
  beforeEach(() => folder.write(NAME, CUT));

  test('takes the place of one that was cut, of which no receipt says so', async () => {
    await expect(fetched()).rejects.toThrow('fetched again');
    expect(await fetched()).toMatchObject({ name: NAME, bytes: CONTENT.length });
    expect(await folder.read(NAME)).toEqual(CONTENT);
  });

  test('leaves one that is whole', async () => {
    await folder.write(NAME, CONTENT);
    const untouched = folderWith(folder, { removeFile: () => Promise.reject(new Error('removed')) });
    expect(await fetched(untouched)).toMatchObject({ name: NAME, bytes: CONTENT.length });
  });

  test('leaves one that another attempt makes whole right before the removal', async () => {
    const late = folderWith(folder, {
      size: async (name) => {
        if (name === 'manifest.json') await folder.write(NAME, CONTENT);
        return folder.size(name);
      },
    });
    expect(await fetched(late)).toMatchObject({ bytes: CONTENT.length });
    expect(await folder.read(NAME)).toEqual(CONTENT);
  });

  test('removes nothing of a complete export', async () => {
    await folder.write('manifest.json', '{}');
    await expect(fetched()).rejects.toThrow('finished the export');
    expect(await folder.read(NAME)).toEqual(CUT);
  });
});
