import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ExportReport, ExportRequest, WarningCode } from '../../src/contract.ts';
import { earlierExports, folderState } from '../../src/export-folder/earlier-exports.ts';
import { hashRequest, hashSeries } from '../../src/export-folder/request-hash.ts';
import { takeFolder } from '../../src/export-folder/take-folder.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { openS3 } from '../../src/storage/s3/s3.ts';
import { hasS3, startS3 } from '../support/s3.ts';

let root: string;
let open: (path: string) => Promise<Folder>;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'earlier-'));
  open = (path) => openDirectory(root, path);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const BASE_URL = 'https://fhir.example.org/r4';
const REQUEST: ExportRequest = { server: 'a', level: 'patient', parameters: { _type: ['Patient'] } };
const since = (time: string): ExportRequest => ({ ...REQUEST, parameters: { ...REQUEST.parameters, _since: time } });

/** Leaves what an export leaves. @param end transaction time; undefined: it has not ended */
async function leave(path: string, request: ExportRequest, end?: string, more: object = {}): Promise<void> {
  const folder = await open(path);
  const owner = { workflowId: path, firstRunId: path, runId: path };
  const hashes = { requestHash: hashRequest(request), seriesHash: hashSeries(request) };
  await takeFolder(folder, {
    owner,
    ...hashes,
    since: request.parameters?.['_since'],
    baseUrl: BASE_URL,
    isRunning: async () => false,
  });
  if (end === undefined) return;
  const report: Partial<ExportReport> = { status: 'complete', transactionTime: end, ...more };
  await folder.write('.export/report.json', JSON.stringify(report));
  await folder.write('manifest.json', '{}');
}

const found = async (request: ExportRequest, baseUrl = BASE_URL): Promise<[string, string | undefined][]> =>
  (await earlierExports(await open(''), request, { baseUrl, timeIsEnd: false })).map(({ path, since }) => [
    path,
    since,
  ]);

test('finds complete exports of the same but for the time, at any depth, in the order of their times', async () => {
  await leave('b/2', since('2026-01-01T00:00:00Z'), '2026-01-02T00:00:00Z');
  await leave('1', REQUEST, '2026-01-01T00:00:00.000+00:00');
  await leave('deep/er/and/deep/er/still/3', since('2026-01-02T00:00:00Z'), '2026-01-02T00:30:00-01:00');
  await leave('unfinished', REQUEST);
  await leave('other', { ...REQUEST, parameters: { _type: ['Condition'] } }, '2026-01-05T00:00:00Z');
  await leave('without-time', REQUEST, '');
  await mkdir(join(root, 'something/else'), { recursive: true });
  await writeFile(join(root, 'something/file'), '');
  const all = [
    ['1', undefined],
    ['b/2', '2026-01-01T00:00:00Z'],
    ['deep/er/and/deep/er/still/3', '2026-01-02T00:00:00Z'],
  ];
  expect(await found(REQUEST)).toEqual(all);
  expect(await found(since('2026-03-01T00:00:00Z'))).toEqual(all);
  // The name means another server now.
  expect(await found(REQUEST, 'https://test.example.org/r4')).toEqual([]);
});

test.skipIf(!hasS3)('finds them in a bucket, with and without a prefix', async () => {
  const service = await startS3();
  try {
    for (const options of [{}, { prefix: 'raw' }]) {
      open = async (path) => openS3(service.destination(options), path);
      await leave('a/1', REQUEST, '2026-01-01T00:00:00Z');
      await leave('a/2', since('2026-01-01T00:00:00Z'), '2026-01-02T00:00:00Z');
      expect(await found(REQUEST)).toEqual([
        ['a/1', undefined],
        ['a/2', '2026-01-01T00:00:00Z'],
      ]);
      await (await open('a')).remove('');
    }
  } finally {
    await service.stop();
  }
});

test('of an export of an earlier version, one of all data is known', async () => {
  const mark = (request: ExportRequest): string =>
    JSON.stringify({ format: 1, mark: 'm', requestHash: hashRequest(request), owner: {}, createdAt: '' });
  for (const [path, request] of [
    ['full', REQUEST],
    ['changes', since('2026-01-01T00:00:00Z')],
  ] as const) {
    await leave(path, request, '2026-01-02T00:00:00Z');
    await writeFile(join(root, path, '.export/export.json'), mark(request));
  }
  expect(await found(REQUEST)).toEqual([['full', undefined]]);
  await writeFile(join(root, 'full/manifest.json'), JSON.stringify({ request: 'https://test.example.org/$export' }));
  expect(await found(REQUEST)).toEqual([]);
});

const DAY = 24 * 3_600_000;
const warning = (code: WarningCode, message = ''): object => ({ warnings: [{ code, message }] });
const TIME = '2026-01-01T00:00:00Z';
const FUTURE = new Date(Date.now() + DAY).toISOString();

test.each<[string, string | undefined, string, object]>([
  ['its time', TIME, TIME, {}],
  ['its time, whatever it warns of that is no lack', TIME, TIME, warning('ParameterIgnored')],
  ['nothing, with issues', undefined, TIME, { status: 'complete-with-issues' }],
  ['nothing, where the token covered less', undefined, TIME, warning('ScopeNarrower')],
  ['nothing, where attachments are missing', undefined, TIME, warning('AttachmentsMissing')],
  ['nothing, where its pages have several times', undefined, TIME, warning('PagesDisagree', 'transactionTime: …')],
  ['nothing, where its time is ahead of the data', undefined, FUTURE, {}],
])('an export follows on another one without a gap: %s', async (_what, next, end, more) => {
  await leave('1', REQUEST, end, more);
  const [one] = await earlierExports(await open(''), REQUEST, { baseUrl: BASE_URL, timeIsEnd: false });
  expect(one).toMatchObject({ path: '1', report: { transactionTime: end } });
  expect(one?.next).toBe(next);
});

test('where the time of an export may be the end of its job, another one follows on its beginning, as far as it is known', async () => {
  await leave('1', REQUEST, '2026-01-01T02:00:00Z');
  const next = async (timeIsEnd: boolean): Promise<string | undefined> =>
    (await earlierExports(await open(''), REQUEST, { baseUrl: BASE_URL, timeIsEnd }))[0]?.next;
  expect(await next(false)).toBe('2026-01-01T02:00:00Z');
  expect(await next(true)).toBeUndefined();
  await writeFile(join(root, '1/.export/job.json'), JSON.stringify({ begunAt: '2026-01-01T01:00:00.000Z' }));
  expect(await next(true)).toBe('2026-01-01T01:00:00.000Z');
});

test('tells what a folder holds', async () => {
  await leave('unfinished', REQUEST);
  await leave('complete', REQUEST, '2026-01-02T00:00:00Z');
  const stateOf = async (path: string, request: ExportRequest = REQUEST) =>
    (await folderState(await open(path), request, BASE_URL)).kind;
  expect(await stateOf('none')).toBe('free');
  expect(await stateOf('unfinished')).toBe('unfinished');
  expect(await stateOf('complete')).toBe('complete');
  expect(await stateOf('complete', since('2026-01-02T00:00:00Z'))).toBe('taken');
});

test('a destination that cannot be read holds no lack of exports', async () => {
  const folder = await open('');
  vi.spyOn(folder, 'listFolders').mockRejectedValue(new Error('AccessDenied'));
  await expect(earlierExports(folder, REQUEST, { baseUrl: BASE_URL, timeIsEnd: false })).rejects.toThrow(
    'AccessDenied',
  );
});

test('exports of new members are one series, whosever they are, and not that of the whole group', () => {
  const group: ExportRequest = { server: 'a', level: 'group', groupId: 'g' };
  const [one, other] = ['a/1', 'a/2'].map((newMembersOf): ExportRequest => ({ ...group, newMembersOf }));
  expect(hashRequest(one as ExportRequest)).not.toBe(hashRequest(other as ExportRequest));
  expect(hashSeries(one as ExportRequest)).toBe(hashSeries(other as ExportRequest));
  expect(hashSeries(one as ExportRequest)).not.toBe(hashSeries(group));
});

test('goes on from none whose time was in the future when its manifest came, however long its downloads took', async () => {
  const hour = 60 * 60 * 1000;
  const end = new Date(Date.now() - hour).toISOString();
  const readAt = Date.now() - 3 * hour;
  await leave('ahead', REQUEST, end);
  await (await open('ahead')).write('.export/pages/00001.json', JSON.stringify({ readAt }));
  const next = async () =>
    (await earlierExports(await open(''), REQUEST, { baseUrl: BASE_URL, timeIsEnd: false })).map((one) => one.next);
  expect(await next()).toEqual([undefined]);
  await (await open('ahead')).write('.export/pages/00002.json', JSON.stringify({ readAt: Date.now() - hour }));
  expect(await next()).toEqual([end]);
});
