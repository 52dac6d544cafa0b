import type { ChildProcess } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

let stack: Stack;
let hospital: SampleServer;
let worker: ChildProcess;

beforeAll(async () => {
  stack = await startStack({
    workers: false,
    servers: {
      hospital: {
        patients: 60,
        // Files that are known to be small all stay in one thread.
        fileSizeInManifest: false,
        linesPerFile: 100,
        pollsUntilReady: 0,
        retryAfter: '2',
        gzip: false,
        throttleBytesPerSecond: 100_000,
      },
    },
  });
  // The files of a worker that is killed are taken up sooner than after the usual 10 s.
  stack.config.heartbeatSeconds = 5;
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(async () => {
  hospital.journal.length = 0;
  hospital.faults.clear();
  worker = await startWorkerProcess(stack);
});
afterEach(() => killWorker(worker));

const of = (route: string) => hospital.journal.filter((entry) => entry.route === route);

/** Places of the files that are finished, by their receipts at the destination. */
async function receipts(started: StartedExport): Promise<number[]> {
  const folder = join(
    stack.folder,
    started.handle.workflowId,
    (await started.handle.describe()).runId,
    '.export/receipts',
  );
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const documents = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readFile(join(folder, name), 'utf8')),
  );
  return documents.flatMap((text) => (JSON.parse(text) as { ordinal: number }[]).map(({ ordinal }) => ordinal));
}

async function killAndRestart(): Promise<void> {
  await killWorker(worker);
  worker = await startWorkerProcess(stack);
}

describe('a worker that is killed loses nothing', () => {
  test('while the kick-off is unanswered: it is sent once more, with a warning', async () => {
    hospital.faults.add({ route: 'kickOff', do: { kind: 'hang' } });
    const started = await stack.start({ parameters: { _type: 'Patient' } });
    await expect.poll(() => of('kickOff').length, { timeout: 10_000 }).toBe(1);
    await killAndRestart();
    const report = await started.result();
    expect(report.warnings.map(({ code }) => code)).toEqual(['PossibleOrphanJob']);
    expect(of('kickOff')).toHaveLength(2);
    await expectExactFiles(report.location, hospital);
  });

  test('while it waits for the server: no poll comes early, and there is one kick-off', async () => {
    hospital.faults.add({ route: 'status', do: { kind: 'answer', status: 202, headers: { 'Retry-After': '6' } } });
    const started = await stack.start({ parameters: { _type: 'Patient' } });
    await expect.poll(() => of('status').length, { timeout: 10_000 }).toBe(1);
    await killAndRestart();
    const report = await started.result();
    expect(report.warnings).toEqual([]);
    expect(of('kickOff')).toHaveLength(1);
    const [first, second] = of('status');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(6000);
  });

  test('during downloads, twice: every byte is there, no finished file is fetched again', async () => {
    const started = await stack.start({});
    const kills: { at: number; finished: number[] }[] = [];
    for (const files of [2, 5]) {
      await expect
        .poll(async () => (await receipts(started)).length, { timeout: 30_000, interval: 50 })
        .toBeGreaterThanOrEqual(files);
      kills.push({ at: Date.now(), finished: await receipts(started) });
      await killAndRestart();
    }
    const report = await started.result();
    await expectExactFiles(report.location, hospital);
    expect(of('kickOff')).toHaveLength(1);
    for (const { at, finished } of kills) {
      const paths = finished.map((ordinal) => new URL(hospital.expectedFiles()[ordinal]?.url as string).pathname);
      expect(of('file').filter((entry) => entry.at > at && paths.includes(entry.url.replace(/\?.*/, '')))).toEqual([]);
    }
  });
});

test('SIGTERM: gone within 30 s, and another worker goes on', async () => {
  const started = await stack.start({});
  await expect.poll(() => of('file').length, { timeout: 20_000 }).toBeGreaterThan(2);
  const before = Date.now();
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.kill('SIGTERM');
  await exited;
  expect(Date.now() - before).toBeLessThan(30_000);
  worker = await startWorkerProcess(stack);
  await expectExactFiles((await started.result()).location, hospital);
});
