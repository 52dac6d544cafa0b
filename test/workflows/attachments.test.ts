import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { seededRandom } from '../support/random.ts';
import { FrozenAttempt, refOf } from '../export-folder/frozen-attempt.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { KillPoint } from '../support/kill-point.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';
import { expectAllAttachments } from './attachment-index.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: {
      hospital: { patients: 30, pollsUntilReady: 0 },
      relative: { patients: 10, pollsUntilReady: 0, attachmentUrls: 'relative' },
      token: { patients: 5, pollsUntilReady: 0, requiresAccessToken: true },
      slow: { patients: 8, pollsUntilReady: 0, gzip: false, throttleBytesPerSecond: 60_000 },
    },
    entries: { token: { auth: { type: 'bearer', tokenEnv: 'ATTACHMENTS_TOKEN' } } },
  });
  process.env['ATTACHMENTS_TOKEN'] = 'anything';
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  for (const server of Object.values(stack.servers)) {
    server.journal.length = 0;
    server.faults.clear();
  }
});

const DATA: Partial<ExportRequest> = { parameters: { _type: ['Patient', 'DocumentReference'] } };
const REQUEST: Partial<ExportRequest> = { ...DATA, attachments: 'download' };
const of = (server: SampleServer) => server.journal.filter(({ route }) => route === 'binary');

test.each(['hospital', 'relative', 'token', 'slow'])('every attachment is there and right: %s', async (server) => {
  const report = await stack.run({ server, ...REQUEST });
  const sample = stack.servers[server] as SampleServer;
  await expectExactFiles(report.location, sample);
  await expectAllAttachments(report);
  expect(report).toMatchObject({ status: 'complete', warnings: [] });
  // Each once, and the job is deleted after the last.
  const urls = of(sample).map(({ url }) => url);
  expect(new Set(urls).size).toBe(urls.length);
  expect(sample.journal.at(-1)?.route).toBe('delete');
  // Bulk Data IG 3.0: the flag of the manifest is for attachments, too.
  const withToken = of(sample).filter(({ headers }) => headers.authorization !== undefined);
  expect(withToken).toHaveLength(server === 'token' ? urls.length : 0);
});

test('they are not fetched when nobody asks for them', async () => {
  const report = await stack.run(DATA);
  expect(report.attachments).toBeUndefined();
  expect(of(hospital)).toEqual([]);
});

test('transfers that break are resumed, and what breaks off is fetched again', async () => {
  const random = seededRandom(3);
  const slow = stack.servers['slow'] as SampleServer;
  slow.faults.add({
    route: 'binary',
    times: 12,
    match: () => random() < 0.5,
    do: { kind: 'breakBody', afterBytes: 150 },
  });
  hospital.faults.add({ route: 'binary', times: 3, do: { kind: 'answer', status: 503 } });
  hospital.faults.add({ route: 'binary', skip: 5, times: 3, do: { kind: 'drop' } });
  for (const server of ['slow', 'hospital']) await expectAllAttachments(await stack.run({ server, ...REQUEST }));
  expect(of(slow).filter(({ status }) => status === 206).length).toBeGreaterThan(0);
});

describe('with workers that are killed', () => {
  beforeEach(() => stack.stopWorkers());
  afterEach(() => stack.startWorkers());

  test('all are there in the end, and those that were there are not fetched again', async () => {
    const slow = stack.servers['slow'] as SampleServer;
    let worker = await startWorkerProcess(stack);
    const started = await stack.start({ server: 'slow', ...REQUEST });
    await expect.poll(() => of(slow).filter(({ finished }) => finished).length, { timeout: 30_000 }).toBeGreaterThan(5);
    await killWorker(worker);
    worker = await startWorkerProcess(stack);
    await expectAllAttachments(await started.result());
    await killWorker(worker);
    const counts = new Map<string, number>();
    for (const { url, finished } of of(slow)) if (finished) counts.set(url, (counts.get(url) ?? 0) + 1);
    // Those in flight may have been sent whole and not stored.
    expect([...counts.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(4);
  });

  test('between the index and the manifest: a run that goes on writes an index of its own', async () => {
    const request = { ...REQUEST, destination: { path: 'continued' } };
    const [index, marker] = [join(stack.folder, 'continued/attachments/index.ndjson'), join(stack.folder, 'killed')];
    hospital.faults.add({ route: 'binary', times: 1, do: { kind: 'answer', status: 404 } });
    const kill: KillPoint = { on: 'named', what: 'attachments/index\\.ndjson$' };
    const killed = await startWorkerProcess(stack, { KILL_POINT: JSON.stringify(kill), KILL_MARKER: marker });
    const first = await stack.start(request);
    await expect.poll(() => existsSync(marker), { timeout: 60_000 }).toBe(true);
    await killWorker(killed);
    await first.handle.terminate();
    expect(await readFile(index, 'utf8')).toContain('HTTP 404');
    expect(existsSync(join(stack.folder, 'continued/manifest.json'))).toBe(false);

    const worker = await startWorkerProcess(stack);
    const report = await stack.run(request);
    await killWorker(worker);
    await expectAllAttachments(report);
  });
});

test('attachments of a file that was given up, and that an attempt brings late, are not forgotten', async () => {
  const path = 'late';
  hospital.faults.add({ route: 'file', times: Infinity, do: { kind: 'answer', status: 400 } });
  const started = await stack.start({ ...REQUEST, onIncomplete: 'wait', destination: { path } });
  const attends = async () => (await started.progress()).phase;
  await expect.poll(attends, { timeout: 60_000 }).toBe('needs-attention');
  hospital.faults.clear();
  const late = new FrozenAttempt(stack.config, await refOf(stack.folder, path), ({ ref, activities }) =>
    activities.downloadFiles({ ref, generation: 1, ranges: [[0, 2]], retry: false }),
  );
  late.thaw();
  await late.result;
  await started.finishIncomplete({ reason: 'the server has lost it' });
  const report = await started.result();
  await expectExactFiles(report.location, hospital);
  expect(report.attachments).toMatchObject({ files: 0, missing: expect.any(Number) });
  expect(report.warnings.map(({ code }) => code)).toEqual(['AttachmentsMissing']);
  expect((await started.progress()).files).toMatchObject({ done: 2, failed: 0 });
});
