import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { planDownloads } from '../../src/activities/plan-downloads.ts';
import { Entries } from '../../src/export-folder/entries.ts';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { FILES } from '../../src/export-folder/layout.ts';
import { Receipts } from '../../src/export-folder/receipts.ts';
import type { Entry } from '../../src/fhir/entries.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';

const ENTRY: Entry = {
  ordinal: 1,
  page: 1,
  kind: 'output',
  index: 1,
  type: 'Patient',
  url: 'https://a.example/1',
  name: 'Patient.00002.ndjson',
  needsToken: false,
};

let root: string;
let folder: Folder;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'plan-'));
  folder = await openDirectory(root, 'export');
  await folder.write(FILES.mark, JSON.stringify({ mark: 'ours' }));
  await folder.write(FILES.job, JSON.stringify({ generation: 1, statusUrl: 'https://a.example/status' }));
  await new Entries(folder).writeChunk(0, [{ ...ENTRY, ordinal: 0, name: 'Patient.00001.ndjson' }, ENTRY]);
  const receipts = new Receipts(folder).ofBatch([1]);
  await receipts.add({ ordinal: 1, name: ENTRY.name, bytes: 100, records: 1, headers: 0, sha256: 'x' });
  await receipts.save();
  await folder.write(ENTRY.name, '{}\n');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const plan = () => {
  const config = { destinations: { local: { type: 'directory', path: root } } };
  const ref = { server: 'a', destination: 'local', path: 'export', mark: 'ours', generation: 1 };
  return planDownloads({ config } as unknown as ActivityDeps, { ref, cursor: 1, end: 2, total: 2, seen: {} });
};

test('a file that was cut is removed, and planned', async () => {
  expect((await plan()).batches).toHaveLength(1);
  expect(await folder.size(ENTRY.name)).toBeUndefined();
});

test('an attempt that wakes up behind the end of its run removes nothing', async () => {
  await new JobRecord(folder).end('ours', false);
  await expect(plan()).rejects.toMatchObject({
    code: 'DestinationFailed',
    message: expect.stringContaining('is over'),
  });
  expect(await folder.size(ENTRY.name)).toBe(3);
});
