import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { JobRecord } from '../../src/export-folder/job-record.ts';
import { readJson } from '../../src/export-folder/json-document.ts';
import { FILES, takenOverFile } from '../../src/export-folder/layout.ts';
import type { ExportMark, Owner } from '../../src/export-folder/owner-mark.ts';
import { readMark } from '../../src/export-folder/owner-mark.ts';
import { takeFolder } from '../../src/export-folder/take-folder.ts';
import { ExportError } from '../../src/errors.ts';
import { openDirectory } from '../../src/storage/directory/directory.ts';
import type { Folder } from '../../src/storage/folder.ts';
import { openS3 } from '../../src/storage/s3/s3.ts';
import type { TestS3 } from '../support/s3.ts';
import { hasS3, startS3 } from '../support/s3.ts';

let root: string;
let s3: TestS3;
const KINDS = {
  directory: {
    start: async () => void (root = await mkdtemp(join(tmpdir(), 'take-folder-'))),
    stop: () => rm(root, { recursive: true, force: true }),
    open: (path: string) => openDirectory(root, path),
  },
  s3: {
    start: async () => void (s3 = await startS3()),
    stop: () => s3.stop(),
    open: async (path: string) => openS3(s3.destination({ prefix: 'raw' }), path),
  },
};

/** Runs that have ended; all others are running. */
const ended = new Set<string>();
const isRunning = async ({ workflowId }: Owner) => !ended.has(workflowId);
const take = (
  folder: Folder,
  id: string,
  requestHash = 'same',
  baseUrl = 'https://fhir.example.org/r4',
): Promise<ExportMark> =>
  takeFolder(folder, {
    requestHash,
    seriesHash: requestHash,
    owner: { workflowId: id, firstRunId: id, runId: id },
    baseUrl,
    isRunning,
  });
/** As Temporal does: what is not of the table of failures is tried again. */
const takeAtLast = async (folder: Folder, id: string, requestHash?: string): Promise<ExportMark> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await take(folder, id, requestHash);
    } catch (error) {
      if (error instanceof ExportError || attempt === 5) throw error;
    }
  }
};
const markOf = readMark;
const NOT_EMPTY = { code: 'DestinationNotEmpty' };

/** Runs something once, right before a method of a folder is called for the first time. */
function before(folder: Folder, method: 'create' | 'write', first: () => Promise<unknown>): Folder {
  const original = folder[method].bind(folder);
  let done = false;
  folder[method] = async (...args): Promise<never> => {
    if (!done) {
      done = true;
      await first();
    }
    return (await original(...args)) as never;
  };
  return folder;
}

let paths = 0;

describe.each([
  ['directory', KINDS.directory, true],
  ['s3', KINDS.s3, hasS3],
] as const)('%s', (_, kind, there) => {
  describe.skipIf(!there)('a folder is taken', () => {
    let path: string;
    beforeAll(() => kind.start());
    afterAll(() => kind.stop());
    beforeEach(() => {
      ended.clear();
      path = `taken-${++paths}`;
    });
    const outer = () => kind.open(path);
    const inner = () => kind.open(`${path}/2026/11`);

    test('by one run, whose attempts all find the same', async () => {
      const mark = await take(await outer(), 'a');
      expect(await take(await outer(), 'a')).toEqual(mark);
      await expect(take(await outer(), 'b')).rejects.toMatchObject(NOT_EMPTY);
      ended.add('a');
      const adopted = await take(await outer(), 'b');
      expect(adopted).toMatchObject({ adopted: true, owner: { workflowId: 'b' } });
      expect(adopted.mark).not.toBe(mark.mark);
      // A retry after its report was lost knows that it goes on with what was there.
      expect(await take(await outer(), 'b')).toEqual(adopted);
    });

    test('by no run of the same request at another base URL while the job of the first is there', async () => {
      const elsewhere = 'https://fhir.example.org/other';
      await take(await outer(), 'a');
      // An attempt of the same run, on a worker with another configuration.
      await expect(take(await outer(), 'a', 'same', elsewhere)).rejects.toMatchObject(NOT_EMPTY);
      ended.add('a');
      const job = { generation: 1, unanswered: 0, separateStatus: false, partial: false, warnings: [] };
      const record = new JobRecord(await outer());
      // Nor by another request, when there may be a job that nobody knows.
      await record.save({ ...job, doubts: 1 });
      await expect(take(await outer(), 'b', 'other')).rejects.toMatchObject(NOT_EMPTY);
      await record.save({ ...job, statusUrl: 'https://fhir.example.org/r4/status/1' });
      await expect(take(await outer(), 'b', 'same', elsewhere)).rejects.toMatchObject(NOT_EMPTY);
      await record.save({ ...job, deleted: true });
      expect((await take(await outer(), 'b', 'same', elsewhere)).adopted).toBeUndefined();
    });

    test('with another mark than the same run has put into a folder that is not shared', async () => {
      const here = await take(await outer(), 'a');
      // The report was lost; the next attempt is on a worker at whose path another folder is mounted.
      const elsewhere = await take(await kind.open(`${path}-elsewhere`), 'a');
      expect(elsewhere.mark).not.toBe(here.mark);
    });

    test('by attempts of one run at the same moment with one mark, also after a run that has ended', async () => {
      const attempts = (id: string) => Promise.all([1, 2, 3, 4].map(async () => takeAtLast(await outer(), id)));
      const marksOf = async (taken: ExportMark[]) =>
        new Set([...taken, await markOf(await outer())].map((one) => one?.mark)).size;
      expect(await marksOf(await attempts('a'))).toBe(1);
      ended.add('a');
      const followed = await attempts('b');
      expect(await marksOf(followed)).toBe(1);
      expect(followed.every(({ adopted }) => adopted === true)).toBe(true);
    });

    test('by a run whose earlier attempt ended between its claim and its mark: it keeps the mark of the claim', async () => {
      const dead = await take(await outer(), 'dead');
      ended.add('dead');
      const folder = await outer();
      const guardedBy = folder.guardedBy.bind(folder);
      folder.guardedBy = (mayChange) =>
        before(guardedBy(mayChange), 'write', () => Promise.reject(new Error('killed')));
      await expect(take(folder, 'next')).rejects.toThrow('killed');
      const claimed = await readJson<ExportMark>(await outer(), takenOverFile(dead.mark));
      expect((await take(await outer(), 'next')).mark).toBe(claimed?.mark);
    });

    test('not above or below another one, nor beside it by a name that only begins the same', async () => {
      const other = await inner();
      await take(other, 'a');
      await expect(take(await outer(), 'b')).rejects.toMatchObject({
        ...NOT_EMPTY,
        message: expect.stringContaining(`has another export in it, ${other.location};`),
      });
      await expect(take(await kind.open(`${path}/2026/11/x/y`), 'b')).rejects.toMatchObject({
        ...NOT_EMPTY,
        message: expect.stringContaining(`is inside the folder of another export, ${other.location};`),
      });
      await take(await kind.open(`${path}/2026/1`), 'c');
      await take(await kind.open(`${path}/2026/111`), 'd');
    });

    test('not inside one that is being removed, whose mark is gone', async () => {
      const around = await outer();
      await around.write(FILES.removing, '{}');
      await expect(take(await kind.open(`${path}/deleted`), 'b')).rejects.toMatchObject({
        ...NOT_EMPTY,
        message: expect.stringContaining(`is inside the folder of another export, ${around.location};`),
      });
    });

    test('of an outer and an inner one, opened at the same moment, the later one gives way', async () => {
      // Each has looked when the other one is taken, or sees the other's empty folder.
      const first = before(await outer(), 'create', async () => take(await inner(), 'inner'));
      await expect(takeAtLast(first, 'outer')).rejects.toMatchObject(NOT_EMPTY);
      expect(await markOf(await inner())).toMatchObject({ owner: { workflowId: 'inner' } });
      expect(await markOf(await outer())).toBeUndefined();
      await (await inner()).removeFile(FILES.mark);

      const second = before(await inner(), 'create', async () =>
        (await outer()).create(FILES.mark, '{"mark":"outer"}'),
      );
      await expect(takeAtLast(second, 'inner')).rejects.toMatchObject(NOT_EMPTY);
      expect(await markOf(await outer())).toEqual({ mark: 'outer' });
      expect(await (await outer()).list('')).toEqual(['.export']);
    });

    test('by one of many that begin at the same time, wherever they are', async () => {
      for (let round = 0; round < 5; round++) {
        const base = `${path}/${round}`;
        const where = [base, `${base}/a`, `${base}/a/b`];
        const taken = await Promise.allSettled(
          where.map(async (at) => takeAtLast(await kind.open(at), `${round} ${at}`)),
        );
        const won = where.filter((_at, place) => taken[place]?.status === 'fulfilled');
        expect(won.length).toBeLessThanOrEqual(1);
        const marks = await Promise.all(where.map(async (at) => markOf(await kind.open(at))));
        expect(where.filter((_at, place) => marks[place] !== undefined)).toEqual(won);
      }
    });

    test('after a run that has ended by one of many', async () => {
      await take(await outer(), 'dead');
      ended.add('dead');
      const runs = Array.from({ length: 6 }, (_one, number) => `next-${number}`);
      const taken = await Promise.allSettled(runs.map(async (id) => takeAtLast(await outer(), id)));
      const won = runs.filter((_id, place) => taken[place]?.status === 'fulfilled');
      expect(won).toHaveLength(1);
      expect(await markOf(await outer())).toMatchObject({ owner: { workflowId: won[0] } });
    });

    test('from a run that ended between its claim and its mark; should it wake up, it changes nothing', async () => {
      await take(await outer(), 'dead');
      ended.add('dead');
      const folder = await outer();
      const guardedBy = folder.guardedBy.bind(folder);
      let next: ExportMark | undefined;
      folder.guardedBy = (mayChange) =>
        before(guardedBy(mayChange), 'write', async () => {
          ended.add('frozen');
          next = await take(await outer(), 'next');
        });
      await expect(take(folder, 'frozen')).rejects.toThrow('another run is taking the folder');
      expect(await markOf(await outer())).toEqual(next);
    });
  });
});

test('an empty folder of a refused export does not stay', async () => {
  await KINDS.directory.start();
  await take(await openDirectory(root, 'a'), 'a');
  await expect(take(await openDirectory(root, 'a/b/c'), 'b')).rejects.toMatchObject(NOT_EMPTY);
  expect(await readdir(join(root, 'a'))).toEqual(['.export']);
  await KINDS.directory.stop();
});

test('a storage that has a mark and does not give it out is asked again by the next attempt only', async () => {
  await KINDS.directory.start();
  const folder = await openDirectory(root, 'odd');
  folder.create = () => Promise.resolve(false);
  await expect(take(folder, 'a')).rejects.toThrow('.export/export.json is there, and is not given out');
  await KINDS.directory.stop();
});
