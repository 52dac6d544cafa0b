import { mkdir, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Owner } from '../../../src/export-folder/owner-mark.ts';
import { earlierExports } from '../../../src/export-folder/earlier-exports.ts';
import { storedExports } from '../../../src/export-folder/stored-exports.ts';
import type { OldExport, Summary } from '../../../src/cli/remove-old/remove-old.ts';
import { newCliUser } from '../../support/cli.ts';
import { temporalEnv } from '../../support/real-worker.ts';
import type { Stack } from '../../support/stack.ts';
import { startStack } from '../../support/stack.ts';
import { ALL, DAY, configOf, directoryPlace, makeExport, removeFrom } from './old-exports.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ workers: false });
});
afterAll(() => stack.close());

test('exports stay while they run, and unfinished ones that Temporal does not know', async () => {
  const place = await directoryPlace();
  const start = async (workflowId: string): Promise<Owner> => {
    // No worker serves the queue.
    const { firstExecutionRunId: runId } = await stack.client.workflow.start('bulkExport', {
      workflowId,
      taskQueue: 'nobody',
    });
    return { workflowId, firstRunId: runId, runId };
  };
  const owner = await start('running');
  const earlier = await start('again');
  await stack.client.workflow.getHandle('again').terminate();
  await start('again');
  await makeExport(place, 'running', { owner, status: undefined });
  await makeExport(place, 'running-complete', { owner });
  await makeExport(place, 'forgotten', { status: undefined });
  // Its workflow id has been used again: the one that made it has ended.
  await makeExport(place, 'ended', { owner: earlier, status: undefined });
  // That of another namespace may have the same workflow id.
  await makeExport(place, 'elsewhere', { owner: { ...earlier, firstRunId: randomUUID() }, status: undefined });
  const before = await removeFrom(configOf(place), { ...ALL, forgotten: false }, stack);
  expect(before.about).toMatchObject({
    running: { kind: 'kept', state: 'unfinished', why: 'the export running is running' },
    'running-complete': { kind: 'kept', why: 'the export running is running' },
    forgotten: { kind: 'kept', why: expect.stringMatching(/Temporal does not know its export .* --forgotten/) },
    elsewhere: { kind: 'kept', why: expect.stringMatching(/Temporal does not know its export again, .* --forgotten/) },
    ended: { kind: 'removed' },
  });
  expect((await removeFrom(configOf(place), ALL, stack)).about['forgotten']).toMatchObject({ kind: 'removed' });
  await place.stop();
});

test('exports are found beside a folder that cannot be read, which is named', async () => {
  const place = await directoryPlace();
  for (const path of ['there', 'locked/x', 'lost+found/y']) await makeExport(place, path);
  const root = await place.open('');
  const listFolders = root.listFolders.bind(root);
  root.listFolders = async (name) => {
    if (['locked', 'lost+found'].includes(name)) throw new Error('no right to read');
    return listFolders(name);
  };
  const found: unknown[] = [];
  for await (const one of storedExports(root, () => false)) found.push(one);
  expect(found).toMatchObject([
    { path: 'there', state: 'complete' },
    { path: 'locked', why: 'no right to read', isFault: true },
  ]);
  // One of those that are not seen may be what others follow on.
  const request = { server: 'a', level: 'system' } as const;
  await expect(earlierExports(root, request, { baseUrl: '', timeIsEnd: false })).rejects.toThrow(
    'the folder locked cannot be read: no right to read',
  );
  await place.stop();
});

test('a destination that is not there, perhaps not mounted, is no empty one', async () => {
  const place = await directoryPlace();
  await place.stop();
  for (const dryRun of [true, false]) {
    const { about } = await removeFrom(configOf(place), { ...ALL, dryRun });
    expect(about['']).toMatchObject({ kind: 'failed', why: expect.stringContaining('does not exist') });
  }
  await expect(readdir(place.disk)).rejects.toMatchObject({ code: 'ENOENT' });
});

describe('links', () => {
  test('to folders and files are not followed', async () => {
    const [place, elsewhere] = [await directoryPlace(), await directoryPlace()];
    const outside = await makeExport(elsewhere, 'outside');
    await makeExport(place, 'old');
    // A whole export, a folder of files, one of the state, and a file.
    await symlink(join(elsewhere.disk, 'outside'), join(place.disk, 'linked'));
    await rm(join(place.disk, 'old/deleted'), { recursive: true });
    await symlink(join(elsewhere.disk, 'outside/deleted'), join(place.disk, 'old/deleted'));
    await symlink(join(elsewhere.disk, 'outside/.export/pages'), join(place.disk, 'old/.export/linked'));
    await symlink(join(elsewhere.disk, 'outside/Patient.00001.ndjson'), join(place.disk, 'old/Patient.00002.ndjson'));
    const { about } = await removeFrom(configOf(place), ALL);
    expect(about).toMatchObject({ old: { kind: 'removed', left: ['deleted'] } });
    expect(about).not.toHaveProperty('linked');
    expect(await elsewhere.everything()).toEqual(outside);
    expect(await place.everything()).toEqual(['linked', 'old/deleted']);
    await Promise.all([place.stop(), elsewhere.stop()]);
  });

  test('by which another destination lies within this one are seen through', async () => {
    const place = await directoryPlace();
    const files = await makeExport(place, 'b/x');
    const link = `${place.disk}-link`;
    await symlink(place.disk, link);
    const { summary } = await removeFrom(configOf(place, { b: { type: 'directory', path: join(link, 'b') } }), ALL);
    expect(summary.removed).toBe(0);
    expect(await place.everything()).toEqual(files);
    await rm(link);
    await place.stop();
  });
});

test('the command removes a real export, and leaves the newer one and the audit records, with one of the removal', async () => {
  const user = await newCliUser();
  const audit = join(user.folder, 'audit');
  await mkdir(audit);
  stack.config.audit = { destination: { type: 'directory', path: audit }, required: false };
  stack.config.destinations['local'] = { type: 'directory', path: stack.folder, retention: 'P90D' };
  await stack.startWorkers();
  const asked = { parameters: { _type: 'Patient' } };
  const first = await stack.run({ ...asked, destination: { path: 'first' } });
  const second = await stack.run({ ...asked, destination: { path: 'second' } });
  for (const { location } of [first, second]) {
    const days = location === first.location ? 200 : 100;
    const time = new Date(Date.now() - days * DAY);
    await utimes(join(location, 'manifest.json'), time, time);
    for (const [name, field] of [
      ['export.json', 'createdAt'],
      ['report.json', 'transactionTime'],
    ] as const) {
      const file = join(location, '.export', name);
      const document = JSON.parse(await readFile(file, 'utf8')) as object;
      await writeFile(file, JSON.stringify({ ...document, [field]: time.toISOString() }));
    }
  }
  const records = await readdir(audit, { recursive: true });
  await writeFile(join(user.folder, 'fhir-bulk-export.yaml'), stringify(stack.config));
  // Temporal is not asked through a proxy.
  const env = { ...temporalEnv(stack), https_proxy: 'http://127.0.0.1:1', no_proxy: '' };
  const run = async (...more: string[]) => user.run(['remove-old', ...more], env);
  expect(await run('--dry-run')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining(
      `Asking Temporal at ${stack.temporal.address}, namespace ${temporalEnv(stack)['TEMPORAL_NAMESPACE']}\n`,
    ),
    stdout: expect.stringMatching(
      /^local: would remove first \(complete, ended .*Z\)\nlocal: kept second \(complete, ended .*\): the newest .*\nlocal: 1 would be removed, 1 kept, 0 not old enough\n$/,
    ),
  });
  const { code, stdout } = await run('--json', '--requested-by', 'platform team');
  expect(code).toBe(0);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as OldExport | Summary);
  expect(lines.at(-1)).toEqual({ kind: 'summary', destination: 'local', removed: 1, kept: 1, failed: 0, younger: 0 });
  expect(await readdir(stack.folder)).toEqual(['second']);
  const isRecord = (name: string): boolean => name.endsWith('.json');
  const there = (await readdir(audit, { recursive: true })).filter(isRecord);
  expect(there).toEqual(expect.arrayContaining(records.filter(isRecord)));
  const read = async (name: string) => JSON.parse(await readFile(join(audit, name), 'utf8')) as Record<string, unknown>;
  const all = await Promise.all(there.map(read));
  const ofFirst = all.filter(({ location }) => location === first.location);
  expect(new Set(ofFirst.map(({ event }) => event))).toEqual(new Set(['start', 'end', 'removal']));
  expect(ofFirst).toHaveLength(3);
  expect(new Set(ofFirst.map(({ runId }) => runId)).size).toBe(1);
  expect(ofFirst.find(({ event }) => event === 'removal')).toMatchObject({
    requestedBy: 'platform team',
    retention: 'P90D',
    destination: 'local',
    state: 'complete',
  });
  expect(all.filter(({ event }) => event === 'removal')).toHaveLength(1);
  // The folder is free again.
  expect(await stack.run({ ...asked, destination: { path: 'first' } })).toMatchObject({ status: 'complete' });
  expect(await run('--destination', 'lake')).toMatchObject({ code: 64 });
  // A server that is new knows no export.
  expect(await user.run(['remove-old', '--forgotten'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('name the Temporal service of your workers'),
  });
  await user.leave();
});
