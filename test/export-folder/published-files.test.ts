import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ExportError } from '../../src/errors.ts';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { ownerCheck } from '../../src/export-folder/owner-check.ts';
import { PublishedFiles, nameBeforehand } from '../../src/export-folder/published-files.ts';
import type { Receipt } from '../../src/export-folder/receipt.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder, Part } from '../../src/storage/folder.ts';

const CONTENT = Buffer.from('{"resourceType":"Patient","id":"1"}\n');
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const WRONG = Buffer.from('{"resourceType":"Device","id":"1"}\n');
const ENTRY: Entry = {
  ordinal: 3,
  page: 1,
  kind: 'output',
  index: 0,
  type: 'Patient',
  url: 'https://a.example/1',
  name: 'Patient.00001.ndjson',
  needsToken: false,
};
const WATCH = { signal: new AbortController().signal, report: () => {} };
let root: string;
let folder: Folder;
let files: PublishedFiles;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'published-'));
  folder = await openDirectory(root, 'export');
  files = new PublishedFiles(folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function written(content = CONTENT): Promise<Part> {
  const part = await files.openPart(1, ENTRY);
  await part.write([content]);
  return part;
}

describe('a file whose beginning an earlier attempt has checked', () => {
  test('has the hash of what is stored in its receipt', async () => {
    const file = { bytes: CONTENT.length, records: 1, headers: 0, sha256: undefined };
    const read: number[] = [];
    const report = ({ readAgain }: { readAgain: number }): void => void read.push(readAgain);
    expect(await files.publish(ENTRY, await written(), file, 'fast', { ...WATCH, report })).toEqual({
      ...file,
      ordinal: 3,
      name: ENTRY.name,
      sha256: SHA256,
    });
    expect(read.at(-1)).toBe(CONTENT.length);
  });

  test('stays at its name when the reading for its hash is cancelled', async () => {
    const file = { bytes: CONTENT.length, records: 1, headers: 0, sha256: undefined };
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(files.publish(ENTRY, await written(), file, 'fast', { ...WATCH, signal })).rejects.toThrow(
      'cancelled',
    );
    expect(await folder.size(ENTRY.name)).toBe(CONTENT.length);
    expect((await files.check({ ...ENTRY, count: 1 }, 'fast', WATCH))?.bytes).toBe(CONTENT.length);
  });

  test.each([
    ['length', { bytes: CONTENT.length + 1, records: 1 }],
    ['number of lines', { bytes: CONTENT.length, records: 2 }],
  ])('has neither a receipt nor its name when its %s is not what was checked', async (_, wrong) => {
    const file = { ...wrong, headers: 0, sha256: undefined };
    const published = files.publish(ENTRY, await written(), file, 'fast', WATCH);
    // Nothing that ends the run: it is whole when it is fetched from the start.
    const error: unknown = await published.catch((error: unknown) => error);
    expect(error).not.toBeInstanceOf(ExportError);
    expect(String(error)).toContain('is to be fetched again');
    expect(await folder.size(ENTRY.name)).toBeUndefined();
  });

  test('is fetched again when it is wrong and its attempt was killed before it could read it', async () => {
    const file = { bytes: WRONG.length, records: 1, headers: 0, sha256: undefined };
    const signal = AbortSignal.abort(new Error('killed'));
    const published = files.publish(ENTRY, await written(WRONG), file, 'fast', { ...WATCH, signal });
    await expect(published).rejects.toThrow('killed');
    expect(await folder.size(ENTRY.name)).toBe(WRONG.length);
    expect(await files.check(ENTRY, 'fast', WATCH)).toBeUndefined();
    expect(await folder.size(ENTRY.name)).toBeUndefined();
    expect(await files.check(ENTRY, 'fast', WATCH)).toBeUndefined();
    await folder.removeParts();
    expect(await folder.list('.export/parts')).toEqual([]);
  });

  test('is fetched again when it is wrong, also when nobody knows whether it or another one has the name', async () => {
    await folder.write(ENTRY.name, WRONG);
    const file = { bytes: WRONG.length, records: 1, headers: 0, sha256: undefined };
    await expect(files.publish(ENTRY, await written(WRONG), file, 'fast', WATCH)).rejects.toThrow('fetched again');
    expect(await folder.size(ENTRY.name)).toBeUndefined();
  });

  test('is not removed when another attempt has published it', async () => {
    await folder.write(ENTRY.name, CONTENT);
    const file = { bytes: CONTENT.length + 1, records: 2, headers: 0, sha256: undefined };
    expect(await files.publish(ENTRY, await written(), file, 'fast', WATCH)).toMatchObject({ records: 1 });
    expect(await folder.size(ENTRY.name)).toBe(CONTENT.length);
  });
});

describe('a file without a receipt', () => {
  const TWICE = Buffer.concat([CONTENT, CONTENT]);

  test.each<[string, Partial<Entry>]>([
    ['count', { count: 2 }],
    ['length', { length: TWICE.length }],
    ['fileSize', { fileSize: TWICE.length }],
  ])('is as whole as its %s shows', async (_, said) => {
    await folder.write(ENTRY.name, TWICE);
    expect(await files.check({ ...ENTRY, ...said }, 'fast', WATCH)).toMatchObject({ bytes: TWICE.length, records: 2 });
  });

  test.each<[string, Partial<Entry>]>([
    ['nothing says how long it is', {}],
    ['only a hint does, and it is another one', { fileSize: TWICE.length }],
    ['only its entries are counted', { kind: 'deleted', type: 'Bundle', count: 1 }],
  ])('may have been cut at the end of a line, where %s: it is fetched again', async (_, said) => {
    const entry = { ...ENTRY, ...said };
    await folder.write(ENTRY.name, entry.kind === 'deleted' ? '{"resourceType":"Bundle"}\n' : CONTENT);
    expect(await files.check(entry, 'fast', WATCH)).toBeUndefined();
    expect(await folder.size(ENTRY.name)).toBeUndefined();
  });
});

test('what has come of one attachment is not the beginning of another one that has its number', async () => {
  const attachment: Entry = { ...ENTRY, kind: 'attachment', name: 'attachment 3' };
  const part = await files.openPart(1, attachment);
  await part.write([CONTENT]);
  await part.checkpoint({ validator: '"1"', total: 100 });
  await part.keep();
  const other = await new PublishedFiles(await openDirectory(root, 'export')).openPart(1, {
    ...attachment,
    url: 'https://a.example/2',
  });
  expect(other.resumed).toBeUndefined();
  await other.discard();
  const same = await new PublishedFiles(await openDirectory(root, 'export')).openPart(1, attachment);
  expect(same.resumed?.bytes).toBe(CONTENT.length);
  await same.discard();
});

describe('a file that has its name and no receipt', () => {
  test('was changed, when its lines are wrong, and stays', async () => {
    await folder.write(ENTRY.name, WRONG);
    const changed = { code: 'DestinationFailed', message: expect.stringContaining('was changed') };
    await expect(files.check(ENTRY, 'fast', WATCH)).rejects.toMatchObject(changed);
    expect(await folder.size(ENTRY.name)).toBe(WRONG.length);
  });

  test.each([
    ['length', { length: 77 }],
    ['hash', { sha256: '0'.repeat(64) }],
  ])('is fetched again when the manifest says another %s: it may be of the packed form', async (_, promise) => {
    await folder.write(ENTRY.name, CONTENT);
    expect(await files.check({ ...ENTRY, ...promise }, 'fast', WATCH)).toBeUndefined();
    expect(await folder.size(ENTRY.name)).toBeUndefined();
  });

  test('and came packed is recognised by the attempt that has published it, and does not know so', async () => {
    await folder.write(ENTRY.name, CONTENT);
    const entry = { ...ENTRY, length: 77, sha256: '0'.repeat(64) };
    const file = { bytes: CONTENT.length, records: 1, headers: 0, sha256: SHA256 };
    expect(await files.publish(entry, await written(), file, 'fast', WATCH)).toMatchObject(file);
    const other = { ...file, sha256: '1'.repeat(64) };
    await expect(files.publish(entry, await written(), other, 'fast', WATCH)).rejects.toMatchObject({
      code: 'DestinationFailed',
    });
    expect(await folder.size(ENTRY.name)).toBe(CONTENT.length);
  });
});

test('an attempt that wakes up when its run fetches nothing any more publishes nothing', async () => {
  await folder.write(FILES.mark, JSON.stringify({ mark: 'ours' }));
  const publish = async (ended: string, fetching: boolean): Promise<Receipt> => {
    await folder.write(FILES.job, JSON.stringify({ generation: 1, statusUrl: 'https://a.example/1' }));
    await new JobRecord(folder).end(ended, false);
    const check = ownerCheck(folder, { mark: 'ours', generation: 1 }, { fetching });
    const late = new PublishedFiles(folder.guardedBy(check));
    const part = await late.openPart(1, ENTRY);
    await part.write([CONTENT]);
    const file = { bytes: CONTENT.length, records: 1, headers: 0, sha256: SHA256 };
    return late.publish(ENTRY, part, file, 'fast', WATCH);
  };
  await expect(publish('ours', true)).rejects.toMatchObject({ code: 'DestinationFailed' });
  expect(await folder.size(ENTRY.name)).toBeUndefined();
  for (const [ended, fetching] of [
    ['ours', false],
    ['of an earlier run', true],
  ] as const) {
    expect(await publish(ended, fetching)).toMatchObject({ sha256: SHA256 });
    await folder.removeFile(ENTRY.name);
  }
});

test('a name is known beforehand unless the content makes it, or a promised hash must be compared before', () => {
  expect(nameBeforehand(ENTRY)).toBe(ENTRY.name);
  expect(nameBeforehand({ ...ENTRY, kind: 'attachment' })).toBeUndefined();
  expect(nameBeforehand({ ...ENTRY, sha256: '0'.repeat(64) })).toBeUndefined();
});
