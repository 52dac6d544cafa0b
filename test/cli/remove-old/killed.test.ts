import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FILES } from '../../../src/export-folder/layout.ts';
import type { StoredExport } from '../../../src/export-folder/stored-exports.ts';
import { newRemoval } from '../../../src/export-folder/removal-record.ts';
import { removeExport } from '../../../src/export-folder/remove-export.ts';
import { takeFolder } from '../../../src/export-folder/take-folder.ts';
import type { Folder } from '../../../src/storage/folder.ts';
import {
  ALL,
  DAY,
  describeOldExports,
  place,
  SAFE,
  clean,
  configOf,
  find,
  makeExport,
  removeFrom,
} from './old-exports.ts';

// Dozens of whole removals, beside other tests.
vi.setConfig({ testTimeout: 300_000 });

const NOT_EMPTY = { code: 'DestinationNotEmpty' };

describeOldExports((kind) => {
  test('that a removal had only claimed when it was killed are judged anew, and free again', async () => {
    const stopped = new Error('killed');
    for (const status of ['complete', undefined] as const) {
      const path = `claimed-${status}`;
      const files = await makeExport(place, path, { status, request: 'a' });
      const folder = await place.open(path);
      folder.removeFile = async () => Promise.reject(stopped);
      const rules = { open: async () => folder, objection: async () => Promise.reject(stopped) };
      await expect(removeExport(await find(place, path), rules)).rejects.toBe(stopped);
      await expect(take(await place.open(path))).rejects.toMatchObject(NOT_EMPTY);
      expect(await find(place, path)).toMatchObject({ removal: { format: 1 } });
      // Also by a call that does not think it old enough.
      const { summary } = await removeFrom(configOf(place, {}, status === 'complete' ? 'P90D' : 'P999D'), SAFE);
      expect(summary).toMatchObject(status === 'complete' ? { kept: 1 } : { younger: 1 });
      expect(await place.everything()).toEqual(files);
      await clean(place);
    }
  });

  test('are named when a claim on them cannot be removed: no run can take their folder', async () => {
    await makeExport(place, 'blocked');
    const folder = await place.open('blocked');
    const { mark, endedAt } = await find(place, 'blocked');
    await folder.write(FILES.removing, JSON.stringify(newRemoval(mark, endedAt)));
    const removeFile = vi.spyOn(Object.getPrototypeOf(folder) as Folder, 'removeFile');
    removeFile.mockRejectedValue(new Error('no right to do this'));
    onTestFinished(() => removeFile.mockRestore());
    const why = 'a claim of an earlier removal keeps runs from its folder, and cannot be removed: no right to do this';
    // Needed by others, too young, and running.
    const raw = { workflowExecutionInfo: { firstRunId: mark.owner.firstRunId } };
    const running = { describe: async () => ({ status: { name: 'RUNNING' }, raw }) };
    const client = { workflow: { getHandle: () => running } } as never;
    for (const { about, summary } of [
      await removeFrom(configOf(place), SAFE),
      await removeFrom(configOf(place, {}, 'P999D'), ALL),
      await removeFrom(configOf(place), ALL, { client }),
    ]) {
      expect(about['blocked']).toMatchObject({ kind: 'failed', why });
      expect(summary).toMatchObject({ removed: 0, kept: 0, failed: 1, younger: 0 });
    }
    removeFile.mockRestore();
    await clean(place);
  });

  test('never look complete while they are removed, are not taken by a run, and are gone after the next call', async () => {
    let kills = 0;
    // Each step that looks before it changes something; at S3, where all takes longer, a few of them.
    for (let steps = 0; ; steps = kind === 's3' ? Math.ceil(steps * 1.5 + 1) : steps + 1) {
      const files = await makeExport(place, 'killed');
      const folder = await place.open('killed');
      let left = steps;
      const guardedBy = folder.guardedBy.bind(folder);
      folder.guardedBy = (check) =>
        guardedBy(async () => {
          if (--left < 0) throw new Error('killed');
          await check();
        });
      const open = async (inside: string): Promise<Folder> => (inside === '' ? folder : place.open(`killed/${inside}`));
      const ended = await removeExport(await find(place, 'killed'), { open, objection: async () => undefined }).then(
        () => true,
        (error: Error) => {
          expect(error.message).toBe('killed');
          return false;
        },
      );
      const there = new Set(await place.everything());
      if (ended) {
        expect(there).toEqual(new Set());
        break;
      }
      kills++;
      const missing = files.filter((name) => !there.has(name));
      if (missing.length > 0) expect(missing).toContain(`killed/${FILES.manifest}`);
      await expect(take(await place.open('killed'))).rejects.toMatchObject(NOT_EMPTY);
      // However it is asked: what has been begun is completed.
      const { about } = await removeFrom(configOf(place), missing.length > 0 ? SAFE : ALL);
      expect(about['killed']).toMatchObject({
        kind: 'removed',
        state: missing.length > 0 ? 'half-removed' : 'complete',
      });
      expect(await place.everything()).toEqual([]);
    }
    expect(kills).toBeGreaterThan(kind === 's3' ? 4 : 12);
  });

  test.skipIf(kind !== 'directory')(
    'leave no empty folder for ever when their removal is killed at its very end',
    async () => {
      await mkdir(join(place.disk, '2026/left/.export'), { recursive: true });
      expect((await removeFrom(configOf(place), { ...ALL, dryRun: true })).summary).toMatchObject({ kept: 1 });
      expect(await readdir(place.disk)).toEqual(['2026']);
      await removeFrom(configOf(place), SAFE);
      expect(await readdir(place.disk)).toEqual([]);
    },
  );

  test('stay when a run takes the folder in that moment; one that comes later gives way', async () => {
    const files = await makeExport(place, 'taken', { status: undefined, request: 'a' });
    const found = await find(place, 'taken');
    const open = (inside: string): Promise<Folder> => place.open(inside === '' ? 'taken' : `taken/${inside}`);
    let refused: unknown;
    const objection = async (): Promise<string | undefined> => {
      refused = await take(await place.open('taken')).catch((error: unknown) => error);
      return 'not now';
    };
    expect(await removeExport(found, { open, objection })).toEqual({ kind: 'kept', why: 'not now' });
    expect(refused).toMatchObject(NOT_EMPTY);
    expect(await place.everything()).toEqual(files);

    await take(await place.open('taken'));
    const why = 'another run has just taken its folder';
    expect(await removeExport(found, { open, objection: async () => undefined })).toEqual({ kind: 'kept', why });
    expect(await place.everything()).toEqual(expect.arrayContaining(files));
    expect(await place.everything()).not.toContain('taken/.export/removing.json');
    await clean(place);
  });

  test('stay when they have gone on since they were found to be old', async () => {
    for (const changed of [FILES.manifest, 'Patient.00002.ndjson', 'manifest.json of a complete one']) {
      // One that was removed behind the gateway's back is there still for it.
      const path = `went-on-${changed.length}`;
      const status = changed.includes('complete') ? 'complete' : undefined;
      const files = await makeExport(place, path, { status });
      const name = changed.split(' ')[0] ?? '';
      const open = (inside: string): Promise<Folder> => place.open(inside === '' ? path : `${path}/${inside}`);
      const objection = async (): Promise<undefined> => (await open('')).write(name, '{}').then(() => undefined);
      const why = 'it has just changed';
      expect(await removeExport(await find(place, path), { open, objection })).toEqual({ kind: 'kept', why });
      expect(new Set(await place.everything())).toEqual(new Set([...files, `${path}/${name}`]));
      await clean(place);
    }
  });

  test('are removed by one of two calls at the same time, and wholly', async () => {
    const open = (inside: string): Promise<Folder> => place.open(inside === '' ? 'twice' : `twice/${inside}`);
    const second = async (found: StoredExport): Promise<unknown> =>
      removeExport(found, { open, objection: async () => undefined });
    const others: unknown[] = [];
    await makeExport(place, 'twice');
    const found = await find(place, 'twice');
    const folder = await open('');
    const guardedBy = folder.guardedBy.bind(folder);
    folder.guardedBy = (check) =>
      guardedBy(async () => {
        await check();
        // Its mark is gone, and thousands of files are still there.
        if (others.length === 1 && (await folder.size(FILES.mark)) === undefined) others.push(await second(found));
      });
    const removed = await removeExport(found, {
      open: async (inside) => (inside === '' ? folder : open(inside)),
      objection: async () => void others.push(await second(found)),
    });
    const atWork = { kind: 'kept', why: 'another removal of it is at work' };
    expect(others).toEqual([atWork, atWork]);
    expect(removed).toEqual({ kind: 'removed', left: [] });
    expect(await place.everything()).toEqual([]);

    // A list that is old: it is not made again.
    expect(await second(found)).toMatchObject({ kind: 'kept' });
    expect(await place.everything()).toEqual([]);
    if (kind === 'directory') expect(await readdir(place.disk)).toEqual([]);
  });

  test('are removed by the later call when it takes the earlier one for killed', async () => {
    await makeExport(place, 'later');
    const open = (inside: string): Promise<Folder> => place.open(inside === '' ? 'later' : `later/${inside}`);
    let later: unknown;
    const objection = async (): Promise<undefined> => {
      later = await removeExport(await find(place, 'later'), { open, objection: async () => undefined });
      return undefined;
    };
    expect(await removeExport(await find(place, 'later'), { open, objection })).toMatchObject({ kind: 'kept' });
    expect(later).toEqual({ kind: 'removed', left: [] });
    expect(await place.everything()).toEqual([]);
    await clean(place);
  });

  test('are as old as their last change, whatever a claim says', async () => {
    await makeExport(place, 'claimed', { status: undefined });
    const { mark, endedAt } = await find(place, 'claimed');
    const folder = await place.open('claimed');
    await folder.write(FILES.removing, JSON.stringify(newRemoval(mark, endedAt)));
    expect((await find(place, 'claimed')).endedAt).toBe(endedAt);
    await folder.write('Patient.00002.ndjson', '{}');
    expect((await find(place, 'claimed')).endedAt).toBeGreaterThan(endedAt + DAY);
    await clean(place);
  });

  test('keep what a run of an earlier version makes of the folder while it is removed', async () => {
    await makeExport(place, 'mixed');
    const folder = await place.open('mixed');
    const removeFile = Object.getPrototypeOf(folder).removeFile as Folder['removeFile'];
    const guardedBy = folder.guardedBy.bind(folder);
    folder.guardedBy = (check) => {
      const guarded = guardedBy(check);
      guarded.removeFile = async (name) => {
        await removeFile.call(guarded, name);
        // It knows nothing of the record, and finds no mark.
        if (name === FILES.mark) await folder.create(FILES.mark, JSON.stringify({ format: 1, mark: 'theirs' }));
      };
      return guarded;
    };
    const open = async (inside: string): Promise<Folder> => (inside === '' ? folder : place.open(`mixed/${inside}`));
    await expect(removeExport(await find(place, 'mixed'), { open, objection: async () => undefined })).rejects.toThrow(
      'something else has changed this folder',
    );
    expect(await place.everything()).toContain('mixed/Patient.00001.ndjson');
    await clean(place);
  });
});

async function take(folder: Folder): Promise<unknown> {
  return takeFolder(folder, {
    owner: { workflowId: 'next', firstRunId: 'next', runId: 'next' },
    requestHash: 'a undefined',
    seriesHash: 'a',
    baseUrl: 'https://fhir.example/r4',
    isRunning: async () => false,
  });
}
