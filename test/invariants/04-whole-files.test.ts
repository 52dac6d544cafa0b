import type { ChildProcess } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { seededRandom } from '../support/random.ts';
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
      hospital: { patients: 60, linesPerFile: 60, pollsUntilReady: 0, gzip: false, throttleBytesPerSecond: 40_000 },
    },
  });
  // The files of a worker that is killed are taken up sooner than after the usual 10 s.
  stack.config.heartbeatSeconds = 5;
  hospital = stack.servers['hospital'] as SampleServer;
  worker = await startWorkerProcess(stack);
});
afterAll(async () => {
  await killWorker(worker);
  await stack.close();
});

/** Looks at a folder again and again; gives what each file at a final name has ever been: hash and inode. */
function watch(folder: string): { looks(): number; stop(): Promise<Map<string, Set<string>>> } {
  const seen = new Map<string, Set<string>>();
  let looks = 0;
  const stopped = new AbortController();
  const ended = (async () => {
    while (!stopped.signal.aborted) {
      for (const name of await readdir(folder).catch(() => [])) {
        if (!name.endsWith('.ndjson')) continue;
        const [content, { ino }] = await Promise.all([readFile(join(folder, name)), stat(join(folder, name))]);
        const what = `${createHash('sha256').update(content).digest('hex')} ${ino}`;
        seen.set(name, (seen.get(name) ?? new Set()).add(what));
        looks++;
      }
      await sleep(20);
    }
  })();
  return {
    looks: () => looks,
    async stop() {
      stopped.abort();
      await ended;
      return seen;
    },
  };
}

describe('invariant 4: a file at its final name is whole', () => {
  test('whenever somebody looks, while transfers break and workers are killed', { timeout: 180_000 }, async () => {
    const random = seededRandom(4);
    const match = (): boolean => random() < 0.3;
    hospital.faults.add({ route: 'file', match, times: 15, do: { kind: 'breakBody', afterBytes: 4000 } });
    // Of its own at each try.
    const path = `watched-${randomUUID()}`;
    const watching = watch(join(stack.folder, path));
    onTestFinished(async () => void (await watching.stop()));
    const started = await stack.start({ destination: { path } });
    hospital.journal.length = 0;
    const fetched = () => hospital.journal.filter(({ route, finished }) => route === 'file' && finished).length;
    for (const files of [3, 8]) {
      await expect.poll(fetched, { timeout: 60_000, interval: 20 }).toBeGreaterThan(files);
      await killWorker(worker);
      worker = await startWorkerProcess(stack);
    }
    const report = await started.result();
    const seen = await watching.stop();

    await expectExactFiles(report.location, hospital);
    expect(watching.looks()).toBeGreaterThan(100);
    const names = [...seen.keys()].filter((name) => name !== 'log.ndjson');
    expect(names.length).toBeGreaterThan(10);
    // Never another content than the last one, and never written again.
    for (const name of names) expect(seen.get(name)?.size, name).toBe(1);
  });
});
