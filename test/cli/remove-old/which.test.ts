import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { WorkflowNotFoundError } from '@temporalio/client';
import { expect, test } from 'vitest';
import type { Config } from '../../../src/config.ts';
import { FILES } from '../../../src/export-folder/layout.ts';
import {
  ALL,
  DAY,
  describeOldExports,
  place,
  SAFE,
  clean,
  clientThat,
  configOf,
  makeExport,
  makeOlder,
  removeFrom,
} from './old-exports.ts';

describeOldExports((kind) => {
  test('are removed with all that is theirs, and nothing else', async () => {
    await makeExport(place, '2026/old');
    const young = await makeExport(place, '2026/young', { days: 80 });
    const future = await makeExport(place, '2026/future', { days: -5 });
    const foreign = ['2026/old/notes.txt', '2026/old/sub/Patient.00001.ndjson', '2026/old/deleted/mine.ndjson'];
    const root = await place.open('');
    for (const name of foreign) await root.write(name, 'mine');
    const part = await (await place.open('2026/old')).openPart('1', 'Big.00001.ndjson');
    await part.write([Buffer.alloc(9 * 1024 * 1024)]);
    await part.checkpoint({ validator: '"v"' });
    await part.keep();
    const { about, summary } = await removeFrom(configOf(place), SAFE);
    // It is the newest of its request.
    expect(about['2026/old']).toMatchObject({ kind: 'kept', why: expect.stringContaining('the newest complete') });
    expect(summary).toMatchObject({ removed: 0, kept: 1, younger: 2 });
    const removed = await removeFrom(configOf(place), ALL);
    expect(removed.about['2026/old']).toMatchObject({ kind: 'removed', state: 'complete' });
    expect(new Set(removed.about['2026/old']?.left)).toEqual(new Set(['notes.txt', 'sub', 'deleted']));
    expect(removed.summary).toMatchObject({ removed: 1, kept: 0, younger: 2 });
    expect(await place.everything()).toEqual([...young, ...future, ...foreign].sort());
    if (kind === 'directory') {
      // No empty folder of ours is left.
      for (const name of ['.export', 'error', 'attachments']) {
        await expect(lstat(join(place.disk, '2026/old', name))).rejects.toMatchObject({ code: 'ENOENT' });
      }
    }
    await clean(place);
  });

  test('are only named by --dry-run', async () => {
    const files = await makeExport(place, 'dry');
    const { about, summary } = await removeFrom(configOf(place), { ...ALL, dryRun: true });
    expect(about['dry']).toMatchObject({ kind: 'would-remove' });
    expect(summary).toMatchObject({ removed: 1 });
    expect(await place.everything()).toEqual(files);
    await clean(place);
  });

  test('stay where the next export compares members with their list: the newest that has one', async () => {
    const group = { request: 'group', listsMembers: true };
    await makeExport(place, 'old-list', { ...group, days: 200 });
    await makeExport(place, 'list', { ...group, days: 190 });
    // An additional export of all members, after which the main one has failed.
    await makeExport(place, 'all-members', { request: 'group', days: 180 });
    const { about } = await removeFrom(configOf(place), SAFE);
    expect(about['old-list']).toMatchObject({ kind: 'removed' });
    expect(about['list']).toMatchObject({ kind: 'kept', why: expect.stringContaining('its list') });
    expect(about['all-members']).toMatchObject({ kind: 'kept', why: expect.stringContaining('the newest') });
    const { summary } = await removeFrom(configOf(place), ALL);
    expect(summary).toMatchObject({ removed: 2, kept: 0 });
    await clean(place);
  });

  test('stay where others need them: the newest of each request, and that from which --since last goes on', async () => {
    const at = (day: number): string => `2020-01-${String(day).padStart(2, '0')}T00:00:00Z`;
    const series = { request: 'a' };
    await makeExport(place, 'full', { ...series, days: 200, transactionTime: at(1) });
    await makeExport(place, 'second', { ...series, days: 190, since: at(1), transactionTime: at(2) });
    // After a gap: nothing may go on from them.
    await makeExport(place, 'gap', { ...series, days: 180, since: at(5), transactionTime: at(6) });
    await makeExport(place, 'newest', { ...series, days: 170, since: at(6), transactionTime: at(7) });
    await makeExport(place, 'other', { request: 'b', days: 300 });
    const { about } = await removeFrom(configOf(place), SAFE);
    const kinds = Object.fromEntries(Object.entries(about).map(([path, one]) => [path, [one.kind, one.why]]));
    expect(kinds).toEqual({
      full: ['removed', undefined],
      second: ['kept', '--since last goes on from it; --all removes it, too'],
      gap: ['removed', undefined],
      newest: ['kept', 'the newest complete export of its request; --all removes it, too'],
      other: ['kept', 'the newest complete export of its request; --all removes it, too'],
    });
    await clean(place);
  });

  test('stay also with --all while --since last would go on from a later one, after a gap', async () => {
    await makeExport(place, 'all-data', { request: 'a', days: 200, transactionTime: '2020-01-01T00:00:00Z' });
    const gap = { request: 'a', since: '2020-01-05T00:00:00Z', transactionTime: '2020-01-06T00:00:00Z' };
    await makeExport(place, 'after-gap', { ...gap, days: 10 });
    const kept = {
      kind: 'kept',
      why: expect.stringMatching(/^without it, --since last would go on from a later one/),
    };
    expect((await removeFrom(configOf(place), ALL)).about).toMatchObject({ 'all-data': kept });
    await clean(place);
    // The later ones first, however old they are.
    await makeExport(place, 'all-again', { request: 'a', days: 200, transactionTime: '2020-01-01T00:00:00Z' });
    await makeExport(place, 'gap-again', { ...gap, days: 100 });
    const { about } = await removeFrom(configOf(place), ALL);
    expect(about).toMatchObject({ 'all-again': kept, 'gap-again': { kind: 'removed' } });
    expect((await removeFrom(configOf(place), ALL)).about).toMatchObject({ 'all-again': { kind: 'removed' } });
    await clean(place);
  });

  test('stay when their documents say that they are younger than their files', async () => {
    const now = new Date().toISOString();
    const files = [
      ...(await makeExport(place, 'server', { days: 20_000, transactionTime: now })),
      ...(await makeExport(place, 'worker', { days: 20_000, createdAt: now })),
      ...(await makeExport(place, 'unfinished', { days: 20_000, createdAt: now, status: undefined })),
    ];
    expect((await removeFrom(configOf(place), ALL)).summary).toMatchObject({ removed: 0, younger: 3 });
    expect(await place.everything()).toEqual(files.sort());
    await clean(place);
  });

  test.skipIf(kind !== 's3')('are removed without the uploads of others', async () => {
    await makeExport(place, 'old');
    const s3 = place.s3?.client as S3Client;
    const keys = ['raw/old/notes.bin', 'raw/old/sub/Patient.00001.ndjson', 'raw/old/Patient.00002.ndjson'];
    const uploads = [];
    for (const Key of keys) uploads.push(await s3.send(new CreateMultipartUploadCommand({ Bucket: 'lake', Key })));
    await removeFrom(configOf(place), ALL);
    expect(await place.s3?.uploads()).toEqual(keys.slice(0, 2));
    for (const { Key, UploadId } of uploads.slice(0, 2)) {
      await s3.send(new AbortMultipartUploadCommand({ Bucket: 'lake', Key, UploadId }));
    }
    await clean(place);
  });

  test('stay when Temporal does not answer', async () => {
    const files = await makeExport(place, 'unanswered');
    // Not even at first, or not any more when the folder has been claimed.
    const answers = [
      new Error('unreachable'),
      new WorkflowNotFoundError('unknown', 'x', undefined),
      new Error('unreachable'),
    ];
    const client = clientThat(() => answers.shift());
    for (const asked of [1, 3]) {
      const { about } = await removeFrom(configOf(place), ALL, { client });
      expect(about['unanswered']).toMatchObject({ kind: 'failed', why: 'unreachable' });
      expect(await place.everything()).toEqual(files);
      expect(answers).toHaveLength(3 - asked);
    }
    await clean(place);
  });

  test('stay without our mark, or with one that is not ours', async () => {
    const root = await place.open('');
    const files: string[] = [];
    for (const [path, mark] of [
      ['no-mark', undefined],
      ['other-tool', '{"tool":"other","mark":"x"}'],
      ['later-version', JSON.stringify({ format: 2, mark: 'x', requestHash: 'x', owner: {}, createdAt: 'x' })],
      ['null', 'null'],
      ['damaged', '{"format":1,'],
    ] as const) {
      for (const [name, text] of [
        [FILES.manifest, '{}'],
        ['Patient.00001.ndjson', '{}'],
        ['.export/x', ''],
        [FILES.mark, mark],
      ] as const) {
        if (text === undefined) continue;
        await root.write(`${path}/${name}`, text);
        files.push(`${path}/${name}`);
      }
    }
    // What is left of one of ours.
    await root.write('left/.export/job.json', '{}');
    files.push('left/.export/job.json');
    await makeOlder(place, files, 1000);
    const { about } = await removeFrom(configOf(place), ALL);
    expect(Object.fromEntries(Object.entries(about).map(([path, one]) => [path, one.kind]))).toEqual({
      'no-mark': 'kept',
      'other-tool': 'kept',
      'later-version': 'kept',
      null: 'kept',
      damaged: 'failed',
      left: 'failed',
    });
    expect(await place.everything()).toEqual(files.sort());
    await clean(place);
  });

  test('stay when the clock of this machine alone says that they are old', async () => {
    const files = await makeExport(place, 'clock', { days: 1 });
    const { about } = await removeFrom(configOf(place), ALL, { now: Date.now() + 1000 * DAY });
    expect(about['clock']).toMatchObject({ kind: 'kept', why: expect.stringContaining('clock') });
    expect(await place.everything()).toEqual(files);
    await clean(place);
  });

  test('stay where another destination, or the audit trail, begins', async () => {
    const inner = {
      ...place.config,
      ...(place.config.type === 's3' ? { prefix: 'raw/b' } : { path: join(place.disk, 'b') }),
    };
    const files = await makeExport(place, 'b/x');
    await makeExport(place, 'beside');
    expect((await removeFrom(configOf(place, { b: inner }), ALL)).about).not.toHaveProperty('b/x');
    const audited = { ...configOf(place), audit: { destination: inner, required: false } };
    expect((await removeFrom(audited, ALL)).about).toEqual({});
    expect(await place.everything()).toEqual(files);
    const { about } = await removeFrom(configOf(place, { twin: place.config }), ALL);
    expect(about).toEqual({
      '': {
        kind: 'failed',
        destination: 'lake',
        why: 'destination twin is at the same place; give both the same retention',
      },
    });
    await clean(place);
  });

  test('are not looked for in a destination that is an export itself', async () => {
    const files = await makeExport(place, 'wrong');
    const wrong = {
      ...place.config,
      ...(place.config.type === 's3' ? { prefix: 'raw/wrong' } : { path: join(place.disk, 'wrong') }),
    };
    const config: Config = { servers: {}, destinations: { lake: { ...wrong, retention: 'P90D' } } };
    const { about } = await removeFrom(config, ALL);
    expect(about['']).toMatchObject({
      kind: 'failed',
      why: expect.stringContaining('is itself the folder of an export'),
    });
    expect(await place.everything()).toEqual(files);
    await clean(place);
  });
});
