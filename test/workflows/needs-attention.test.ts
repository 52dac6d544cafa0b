import { readFile, readdir, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { StartedExport } from '../../src/client.ts';
import { UpdateRefused, getExport } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import type { LinkServer } from '../support/link-server.ts';
import { startLinkServer } from '../support/link-server.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { quiet, serverEntry, startStack } from '../support/stack.ts';

let stack: Stack;
let archive: LinkServer;

const LONG = { timeout: 60_000 };
const WAIT: Partial<ExportRequest> = { server: 'archive', onIncomplete: 'wait' };
const NAMES = Array.from({ length: 6 }, (_, place) => `Patient.0000${place + 1}.ndjson`);

beforeAll(async () => {
  quiet();
  archive = await startLinkServer({
    files: NAMES.map((_, place) => ({ id: `p${place}`, type: 'Patient', lines: 2 })),
  });
  stack = await startStack({
    // The real threshold is 4,096 events.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=150'],
    workers: false,
    servers: {},
  });
  stack.config.servers['archive'] = serverEntry(archive.origin, { maxConcurrentDownloads: 2 });
  await stack.startWorkers();
});
afterAll(async () => {
  await stack.close();
  await archive.close();
});
afterEach(() => {
  archive.asked.length = 0;
  archive.deleted = 0;
  archive.answer = () => undefined;
  archive.list = (all) => all;
});

const refuse = (...ids: string[]): void => {
  archive.answer = (id) => (ids.includes(id) ? { status: 404 } : undefined);
};
const fetched = (id: string) => archive.asked.filter((one) => one.id === id && one.status === 200).length;
const names = async (location: string) => (await readdir(location)).filter((name) => name.startsWith('manifest'));

async function untilAttention(started: StartedExport): Promise<void> {
  await expect.poll(async () => (await started.progress()).phase, LONG).toBe('needs-attention');
}

describe('onIncomplete "wait": missing files wait for an operator', () => {
  test('who fetches them again by name, and no other file', async () => {
    refuse('p0', 'p3');
    const started = await stack.start(WAIT);
    await untilAttention(started);
    const { trouble, files } = await started.progress();
    expect(files).toMatchObject({ total: 6, done: 4, failed: 2, waiting: 0, running: 0 });
    for (const part of ['2 of 6 files', NAMES[0], NAMES[3], 'HTTP 404', 'retryFiles', 'finishIncomplete', 'giveUp'])
      expect(trouble).toContain(part);
    expect(archive.deleted).toBe(0);
    const failed = { type: 'Patient', state: 'failed', cause: 'link' };
    expect(await started.files({ state: 'failed' })).toEqual({
      total: 6,
      files: [
        { ...failed, number: 1, name: NAMES[0] },
        { ...failed, number: 4, name: NAMES[3] },
      ],
    });

    await expect(started.retryFiles({ names: ['Patient.00009.ndjson'] })).rejects.toThrow(
      new UpdateRefused('UpdateRefused: names: no file of the export is named Patient.00009.ndjson'),
    );
    await expect(started.retryFiles({ names: [NAMES[1] as string] })).rejects.toThrow('complete already');
    refuse('p3');
    expect((await started.retryFiles({ names: [NAMES[0] as string] })).phase).toBe('needs-attention');
    await expect.poll(() => fetched('p0'), LONG).toBe(1);
    await expect.poll(async () => (await started.progress()).trouble, LONG).toContain('1 of 6 files');
    await untilAttention(started);
    expect((await started.progress()).files).toMatchObject({ done: 5, failed: 1 });
    refuse();
    await started.retryFiles();
    expect(await started.result()).toMatchObject({ status: 'complete', files: 6 });
    for (const id of ['p0', 'p1', 'p2', 'p3', 'p4', 'p5']) expect(fetched(id)).toBe(1);
    expect(archive.deleted).toBe(1);
  });

  test('in further runs, and a pause does not matter', async () => {
    refuse('p1');
    const started = await stack.start(WAIT);
    await untilAttention(started);
    await expect
      .poll(async () => {
        for (let n = 1; n <= 10; n++) await started.setConcurrency(n);
        return (await runsOf(stack.client, started.handle.workflowId)).length;
      }, LONG)
      .toBeGreaterThan(1);
    const again = getExport(stack.client, started.handle.workflowId);
    await untilAttention(again);
    expect((await again.progress()).trouble).toContain('1 of 6 files');
    await again.pause({ what: 'downloads' });
    refuse();
    await again.retryFiles();
    await expect.poll(async () => (await again.progress()).phase, LONG).toBe('downloading');
    expect(fetched('p1')).toBe(0);
    await again.resume();
    expect((await started.result()).files).toBe(6);
  });

  test('who ends the export with the others: a manifest of those, no DELETE, and it can still be resumed', async () => {
    const path = `partly-${randomUUID()}`;
    const request = { ...WAIT, destination: { path } };
    refuse('p2');
    const started = await stack.start(request);
    await untilAttention(started);
    await started.finishIncomplete({ reason: 'the server has lost it' });
    const failure = (await started.result().catch((error: unknown) => error)) as { details: { location: string } };
    expect(failure).toMatchObject({
      name: 'ExportFailure',
      code: 'IncompleteExport',
      details: { missing: 1, partialManifest: 'manifest.partial.json', reason: 'the server has lost it' },
    });
    const { location } = failure.details;
    expect(await names(location)).toEqual(['manifest.partial.json']);
    const partial = JSON.parse(await readFile(join(location, 'manifest.partial.json'), 'utf8')) as {
      output: { url: string }[];
      extension: object;
    };
    expect(partial.output.map(({ url }) => url)).toEqual(NAMES.toSpliced(2, 1));
    expect(partial.extension).toEqual({ incomplete: { reason: 'the server has lost it', missing: 1 } });
    expect(archive.deleted).toBe(0);

    refuse();
    expect((await stack.run(request)).files).toBe(6);
    expect(await names(location)).toEqual(['manifest.json']);
    expect(fetched('p0')).toBe(1);
  });

  test('also when the server has ended the job', async () => {
    refuse('p4');
    const readings = archive.readings.length;
    // What it lists now is another export.
    archive.list = (all) => (archive.readings.length > readings + 1 ? all.slice(1) : all);
    const started = await stack.start(WAIT);
    await untilAttention(started);
    expect((await started.progress()).trouble).toContain('5 of 6 files were fetched');
    await started.giveUp();
    await expect(started.result()).rejects.toMatchObject({ code: 'IncompleteExport', details: { missing: 1 } });
    expect(archive.deleted).toBe(0);
  });

  test('until the deadline', async () => {
    refuse('p5');
    const started = await stack.start({ ...WAIT, deadline: 'PT15S' });
    await untilAttention(started);
    await expect(started.result()).rejects.toMatchObject({ code: 'DeadlineExceeded' });
    expect(archive.deleted).toBe(1);
  });
});

describe('files that were put off', () => {
  const putOff = (...ids: string[]): void => {
    archive.answer = (id) => (ids.includes(id) ? { status: 500, headers: { 'retry-after': '600' } } : undefined);
  };
  async function untilPutOff(started: StartedExport): Promise<void> {
    await expect
      .poll(async () => (await started.progress()).files, LONG)
      .toMatchObject({ done: 5, running: 0, waiting: 1 });
  }

  test('are fetched at once', async () => {
    putOff('p0');
    const started = await stack.start({ server: 'archive' });
    await untilPutOff(started);
    const [file] = (await started.files({ state: 'put-off' })).files;
    expect(file).toMatchObject({ number: 1, name: NAMES[0], type: 'Patient', cause: 'outage' });
    expect(Date.parse(file?.until ?? '') - Date.now()).toBeGreaterThan(500_000);
    const first = await started.files({ limit: 4, type: 'Patient' });
    expect(first.files.map(({ state }) => state)).toEqual(['put-off', 'whole', 'whole', 'whole']);
    expect(await started.files({ limit: 4, after: first.next })).toMatchObject({
      files: [{ number: 5 }, { number: 6 }],
    });
    expect(await started.files({ type: 'Observation' })).toEqual({ files: [], total: 6 });
    await expect(started.files({ limit: 0 })).rejects.toThrow('limit: must be from 1 to 200');
    archive.answer = () => undefined;
    await started.retryFiles({ names: [NAMES[0] as string] });
    expect((await started.result()).files).toBe(6);
    expect((await started.files({ state: 'whole' })).files).toHaveLength(6);
  });

  test.each([
    ['giveUp in a pause', (started: StartedExport) => started.pause().then(() => started.giveUp()), []],
    [
      'finishIncomplete',
      (started: StartedExport) => started.finishIncomplete({ reason: 'enough' }),
      ['manifest.partial.json'],
    ],
  ] as const)('are not waited for after %s', async (_, end, manifests) => {
    putOff('p0');
    const started = await stack.start({ server: 'archive' });
    await untilPutOff(started);
    await end(started);
    const failure = (await started.result().catch((error: unknown) => error)) as { details: { location: string } };
    expect(failure).toMatchObject({ code: 'IncompleteExport', details: { missing: 1, files: { total: 6, done: 5 } } });
    expect(await names(failure.details.location)).toEqual(manifests);
    expect(archive.deleted).toBe(0);
  });

  test('nor is another job started for them', async () => {
    const request: Partial<ExportRequest> = { server: 'archive', destination: { path: `resumed-${randomUUID()}` } };
    refuse('p0');
    await expect((await stack.start(request)).result()).rejects.toMatchObject({ code: 'IncompleteExport' });
    // This run would begin with another job, because the server has no good link to one file.
    archive.answer = (id) =>
      id === 'p0' ? { status: 404 } : id === 'p1' ? { status: 500, headers: { 'retry-after': '600' } } : undefined;
    await rm(join(stack.folder, request.destination?.path as string, NAMES[1] as string));
    const started = await stack.start(request);
    await expect
      .poll(async () => (await started.progress()).files, LONG)
      .toMatchObject({ done: 4, failed: 1, waiting: 1 });
    await started.finishIncomplete({ reason: 'enough' });
    await expect(started.result()).rejects.toMatchObject({ code: 'IncompleteExport', details: { missing: 2 } });
    expect(archive.deleted).toBe(0);
  });

  test.each([
    ['retryFiles', [{ names: [] }], 'names: must have a name, or be left out'],
    ['retryFiles', [{ names: 'all' }], 'names: must be a list of names of files'],
    ['finishIncomplete', [], 'reason: must say why the export is to end without all files'],
    ['finishIncomplete', [{}], 'reason: must say why the export is to end without all files'],
    ['finishIncomplete', [{ reason: '' }], 'reason: must say why the export is to end without all files'],
  ])('%s %j is refused', async (name, args, message) => {
    putOff('p0');
    const started = await stack.start({ server: 'archive' });
    await untilPutOff(started);
    await expect(started.handle.executeUpdate(name, { args: args as [unknown] })).rejects.toMatchObject({
      cause: { type: 'UpdateRefused', message: expect.stringContaining(message) },
    });
    await started.giveUp();
    await started.result().catch(() => {});
  });
});
