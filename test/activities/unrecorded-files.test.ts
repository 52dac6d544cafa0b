import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { createFileActivities } from '../../src/activities/index.ts';
import type { ExportRef } from '../../src/export-folder/export-ref.ts';
import type { ExportMark } from '../../src/export-folder/owner-mark.ts';
import type { Receipt } from '../../src/export-folder/receipt.ts';
import { HttpClient } from '../../src/http/http-client.ts';
import { depsOf } from '../support/activity-deps.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const FILES = 4;

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: { hospital: { patients: 20, linesPerFile: 5, pollsUntilReady: 0, retryAfter: '1' } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());

/** The Patient files, each with what changes when it is written again. */
async function filesIn(folder: string): Promise<Record<string, number>> {
  const names = (await readdir(folder)).filter((name) => name.startsWith('Patient.')).sort();
  const inodes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).ino));
  return Object.fromEntries(names.map((name, place) => [name, inodes[place] as number]));
}

/** Leaves an export of Patient files that are all there, but for the first. */
async function leaveExport(path: string): Promise<{ folder: string; ref: ExportRef; files: number }> {
  const folder = join(stack.folder, path);
  // For good: the activity may go on for a moment when its export is over.
  const isFirst = ({ url }: { url: string }): boolean => url.includes('Patient.1.');
  hospital.faults.add({ route: 'file', match: isFirst, times: Infinity, do: { kind: 'hang' } });
  const started = await stack.start({ level: 'system', parameters: { _type: 'Patient' }, destination: { path } });
  await expect.poll(async () => Object.keys(await filesIn(folder)).length, { timeout: 20_000 }).toBe(FILES - 1);
  await started.handle.terminate();
  const { mark } = JSON.parse(await readFile(join(folder, '.export/export.json'), 'utf8')) as ExportMark;
  return { folder, ref: { server: 'hospital', destination: 'local', path, mark, generation: 1 }, files: FILES - 1 };
}

test.each([
  { attempt: 1, retry: false, fetched: true },
  { attempt: 2, retry: false, fetched: false },
  { attempt: 1, retry: true, fetched: false },
])('files without receipts are recorded, and none is written again: %o', async ({ attempt, retry, fetched }) => {
  const { folder, ref, files } = await leaveExport(`unrecorded-${attempt}-${retry}`);
  const before = await filesIn(folder);
  await rm(join(folder, '.export/receipts'), { recursive: true, force: true });
  hospital.journal.length = 0;
  const http = new HttpClient();
  const { downloadFiles } = createFileActivities({ ...depsOf(stack.config, http), limits: SHORT_LIMITS });
  const result = await new MockActivityEnvironment({ attempt }).run(() =>
    downloadFiles({ ref, generation: 1, ranges: [[1, FILES]], retry }),
  );
  await http.close();
  expect(result).toMatchObject({ done: { Patient: { files } }, failed: [], later: [] });
  // There can be none when a batch is tried for the first time in a folder of its own, so nobody looks.
  const requests = hospital.journal.filter(({ route, url }) => route === 'file' && url.includes('Patient'));
  expect(requests).toHaveLength(fetched ? files : 0);
  expect(await filesIn(folder)).toEqual(before);
  const [document = ''] = await readdir(join(folder, '.export/receipts/00000'));
  const receipts = JSON.parse(await readFile(join(folder, '.export/receipts/00000', document), 'utf8')) as Receipt[];
  expect(receipts.map(({ name }) => name).sort()).toEqual(Object.keys(before));
});
