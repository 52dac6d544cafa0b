import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';
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
        linesPerFile: 400,
        pollsUntilReady: 0,
        gzip: false,
        throttleBytesPerSecond: 100_000,
      },
    },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
beforeEach(() => {
  hospital.journal.length = 0;
});
afterEach(() => killWorker(worker));
afterAll(() => stack.close());

const files = () => hospital.journal.filter(({ route }) => route === 'file');

/**
 * Has a worker whose threads for downloads fail, but for its own: so many milliseconds after a message, until the marker
 * exists.
 */
function failing(after: number, marker: string, message = 'ready'): Record<string, string> {
  const code = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { isMainThread, parentPort, workerData } from 'node:worker_threads';
    const marker = ${JSON.stringify(marker)};
    const fail = () => {
      if (!marker.endsWith('never')) writeFileSync(marker, '');
      throw new Error('the secret of a patient');
    };
    if (!isMainThread && workerData?.destinations !== undefined && !existsSync(marker)) {
      const send = parentPort.postMessage.bind(parentPort);
      parentPort.postMessage = (message) => {
        if (message.kind === '${message}') setTimeout(fail, ${after});
        send(message);
      };
    }`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

describe('a thread that fails does not end its worker', () => {
  test('its files resume, and the export completes', async () => {
    worker = await startWorkerProcess(stack, failing(3000, join(stack.folder, 'failed-once')));
    const report = await (await stack.start({ parameters: { _type: 'Observation' } })).result();
    await expectExactFiles(report.location, hospital);
    expect(worker.exitCode).toBeNull();
    // The file is not said to be wrong: it was not alone there.
    expect(report.fetchedAgain).toEqual({ outage: expect.any(Number) });
    expect(files().filter(({ status }) => status === 206)).not.toEqual([]);
  });

  test.each([
    ['while they come', 300, 'ready'],
    ['when they have come', 0, 'fetched'],
  ])('again and again, %s: its files are given up, and named', async (_, after, message) => {
    worker = await startWorkerProcess(stack, failing(after, join(stack.folder, 'never'), message));
    const run = await stack.start({ parameters: { _type: 'Observation' } });
    const failure = await failureOf(run.result());
    expect(failure).toMatchObject({
      code: 'IncompleteExport',
      message: expect.stringContaining('the thread that fetched it ended (Error)'),
    });
    expect(failure.message).not.toContain('secret');
    expect(worker.exitCode).toBeNull();
  });
});
