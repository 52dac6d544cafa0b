import { existsSync } from 'node:fs';
import { readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
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

describe('a run that goes on with the attachments of an earlier one', () => {
  const RECEIPTS = '.export/receipts/00001';
  const stored = 5;

  /** Leaves an export of which some attachments are there. @returns its folder */
  async function leave(path: string): Promise<string> {
    hospital.faults.add({ route: 'binary', skip: stored, times: Infinity, do: { kind: 'hang' } });
    const folder = join(stack.folder, path);
    const started = await stack.start({ ...REQUEST, destination: { path } });
    const number = async (): Promise<number> => {
      const names = await readdir(join(folder, RECEIPTS)).catch(() => []);
      const texts = await Promise.all(names.map((name) => readFile(join(folder, RECEIPTS, name), 'utf8')));
      return texts.flatMap((text) => JSON.parse(text) as object[]).length;
    };
    await expect.poll(number, { timeout: 30_000 }).toBe(stored);
    await started.handle.terminate();
    hospital.faults.clear();
    return folder;
  }

  const finished = () => of(hospital).filter((one) => one.finished && one.status === 200).length;
  const reverse = (body: Buffer) => `${body.toString().trimEnd().split('\n').reverse().join('\n')}\n`;

  test('fetches those that are missing', async () => {
    await leave('left');
    await expectAllAttachments(await stack.run({ ...REQUEST, destination: { path: 'left' } }));
    expect(new Set(of(hospital).map(({ url }) => url)).size).toBe(finished());
  });

  test('fetches again one that was cut', async () => {
    const folder = await leave('cut');
    const [name = ''] = await readdir(join(folder, 'attachments'));
    await truncate(join(folder, 'attachments', name), 10);
    await expectAllAttachments(await stack.run({ ...REQUEST, destination: { path: 'cut' } }));
    expect(new Set(of(hospital).map(({ url }) => url)).size).toBe(finished() - 1);
  });

  test('does not miss those that an earlier version has found, when it is upgraded before it settles', async () => {
    const path = 'upgraded';
    const folder = await leave(path);
    hospital.journal.length = 0;
    const last = { route: 'binary', times: 1, do: { kind: 'delay', ms: 8000 } } as const;
    hospital.faults.add(last);
    const started = await stack.start({ ...REQUEST, destination: { path } });
    const isLast = async (): Promise<boolean> => {
      const { attachments } = await started.progress();
      return attachments !== undefined && attachments.total > stored && attachments.done >= stored;
    };
    await expect.poll(isLast, { timeout: 30_000 }).toBe(true);
    // As an earlier version leaves it: neither places nor receipts say by which URL they know an attachment.
    for (const place of [join(folder, '.export/attachments'), join(folder, RECEIPTS)]) {
      for (const name of (await readdir(place)).filter((one) => one.includes('.'))) {
        const text = await readFile(join(place, name), 'utf8');
        expect(text).toContain('"link":');
        await writeFile(join(place, name), text.replaceAll(/,"link":"[^"]*"/g, ''));
      }
    }
    const report = await started.result();
    expect(report.attachments?.missing).toBe(0);
    await expectAllAttachments(report);
  });

  test.each(['this', 'an earlier'])(
    'gives each to whom it is of when they are numbered anew: receipts of %s version',
    async (which) => {
      const path = which.replace(' ', '-');
      const folder = await leave(path);
      if (which !== 'this') {
        for (const name of await readdir(join(folder, RECEIPTS))) {
          const file = join(folder, RECEIPTS, name);
          const receipts = JSON.parse(await readFile(file, 'utf8')) as object;
          await writeFile(
            file,
            JSON.stringify(receipts, (key, value: unknown) => (key === 'link' ? undefined : value)),
          );
        }
      }
      // It comes again with its lines in another order.
      await rm(join(folder, 'DocumentReference.00001.ndjson'));
      const isDocuments = ({ url }: { url: string }): boolean => url.includes('DocumentReference');
      hospital.faults.add({
        route: 'file',
        match: isDocuments,
        times: 1,
        do: { kind: 'transformFile', transform: reverse },
      });
      await expectAllAttachments(await stack.run({ ...REQUEST, destination: { path } }));
    },
  );
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
