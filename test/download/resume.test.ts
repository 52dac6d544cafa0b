import type { ChildProcess } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JournalEntry, SampleServer } from '../../dev/sample-server/index.ts';
import { type ExportProgress, PROGRESS } from '../../src/contract.ts';
import { seededRandom } from '../support/random.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

const RATE = 400_000;
/** A machine that is busy elsewhere must not use up the patience for breaks and stalls. */
const PATIENT = { OUTAGE: '60000' };

let stack: Stack;
let big: SampleServer;
let broken: SampleServer;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  stack = await startStack({
    workers: false,
    servers: {
      big: { patients: 500, linesPerFile: 100_000, pollsUntilReady: 0, gzip: false, throttleBytesPerSecond: RATE },
      broken: { patients: 60, linesPerFile: 200, pollsUntilReady: 0, gzip: false },
    },
  });
  // The files of a worker that is killed are taken up sooner than after the usual 10 s.
  stack.config.heartbeatSeconds = 5;
  big = stack.servers['big'] as SampleServer;
  broken = stack.servers['broken'] as SampleServer;
});
afterAll(async () => {
  await Promise.all(workers.splice(0).map(killWorker));
  await stack.close();
});
beforeEach(async () => {
  for (const server of [big, broken]) {
    server.journal.length = 0;
    server.faults.clear();
  }
  if (workers.length === 0) workers.push(await startWorkerProcess(stack, PATIENT));
});

const of = (server: SampleServer) => server.journal.filter(({ route }) => route === 'file');
const sum = (entries: JournalEntry[]) => entries.reduce((total, { bytesSent }) => total + bytesSent, 0);
const OBSERVATIONS = { parameters: { _type: 'Observation' } };
const BREAK = { kind: 'breakBody', afterBytes: 20_000 } as const;
/** The large file of the export, once enough of it has come. */
const inTheMiddle = () => expect.poll(() => sum(of(big)), { timeout: 30_000, interval: 50 }).toBeGreaterThan(3 * RATE);

/** Bytes of the unpublished parts of an export. */
async function bytesOfParts(location: string): Promise<number> {
  const names = await readdir(join(location, '.export'), { recursive: true });
  const parts = names.filter((name) => name.startsWith('parts'));
  const all = await Promise.all(parts.map((name) => stat(join(location, '.export', name))));
  return all.filter((part) => part.isFile()).reduce((total, { size }) => total + size, 0);
}

test('a file whose transfer breaks again and again is had with each byte fetched once', async () => {
  const random = seededRandom(7);
  broken.faults.add({
    route: 'file',
    match: () => random() < 0.6,
    times: 40,
    do: { kind: 'breakBody', afterBytes: 3000 },
  });
  broken.faults.add({ route: 'file', match: () => random() < 0.2, times: 10, do: { kind: 'stall', afterBytes: 2000 } });
  const report = await stack.run({ server: 'broken' });
  await expectExactFiles(report.location, broken);
  expect(of(broken).filter(({ status }) => status === 206).length).toBeGreaterThan(5);
  expect(sum(of(broken))).toBeLessThan(report.bytes * 1.02);
});

// What a kill costs is measured in real time: a worker that gets no processor has not yet read what was sent to it.
describe('a killed worker', { retry: process.env['CI'] === undefined ? 0 : 1 }, () => {
  test('costs at most 2 s of the transfer', async () => {
    const started = await stack.start({ server: 'big', ...OBSERVATIONS });
    await inTheMiddle();
    const { location = '' } = await started.handle.query<ExportProgress>(PROGRESS);
    await killWorker(workers.pop() as ChildProcess);
    const stored = await bytesOfParts(location);
    expect(stored).toBeGreaterThan(RATE);
    workers.push(await startWorkerProcess(stack, PATIENT));
    const report = await started.result();
    await expectExactFiles(report.location, big);
    expect(of(big).map(({ status }) => status)).toEqual([200, 206]);
    expect(of(big)[1]?.rangeStart).toBeGreaterThan(RATE);
    // What was sent, but not yet read by a worker that had no processor, says nothing about resume points.
    expect(stored - (of(big)[1]?.rangeStart ?? 0)).toBeLessThan(2 * RATE);
  });

  test('that is frozen and wakes up after another has finished the file changes nothing', async () => {
    const started = await stack.start({ server: 'big', ...OBSERVATIONS });
    await inTheMiddle();
    const frozen = workers.at(-1) as ChildProcess;
    process.kill(-(frozen.pid as number), 'SIGSTOP');
    workers.push(await startWorkerProcess(stack, PATIENT));
    const report = await started.result();
    process.kill(-(frozen.pid as number), 'SIGCONT');
    await sleep(2500);
    await expectExactFiles(report.location, big);
    expect((await readdir(join(report.location, '.export'))).filter((name) => name.startsWith('parts'))).toEqual([]);
    await Promise.all(workers.splice(0, workers.length - 1).map(killWorker));
    // A frozen worker swallows retries, each for a heartbeat timeout; they delay the export and never fail it.
  }, 180_000);
});

describe('a resumed file is never one of two versions', () => {
  test.each([
    ['the validator has changed', { kind: 'headers', set: { ETag: '"another"' } }],
    ['the server does not do ranges', { kind: 'headers', set: { 'Accept-Ranges': 'none' } }],
    ['there is only a weak validator', { kind: 'headers', set: { ETag: 'W/"weak"' } }],
    ['there is no validator', { kind: 'headers', set: { ETag: null } }],
  ] as const)('%s: from the start', async (_, fault) => {
    broken.faults.add({ route: 'file', times: 1, do: BREAK });
    broken.faults.add({ route: 'file', times: 1, do: fault });
    const report = await stack.run({ server: 'broken', ...OBSERVATIONS });
    await expectExactFiles(report.location, broken);
    expect(of(broken).every(({ status }) => status === 200)).toBe(true);
  });

  test('the range is another than asked for, or no longer there', async () => {
    const pathOf = ({ url }: JournalEntry) => url.replace(/\?.*/, '');
    let path: string | undefined;
    const isOne = (entry: JournalEntry) => (path ??= pathOf(entry)) === pathOf(entry);
    const isRest = (entry: JournalEntry) => isOne(entry) && entry.rangeStart !== undefined;
    const another = { kind: 'headers', set: { 'Content-Range': 'bytes 5-9/10' } } as const;
    for (const rule of [
      { match: (entry: JournalEntry) => isOne(entry) && !isRest(entry), times: 2, do: BREAK },
      { match: isRest, do: another },
      { match: isRest, skip: 1, do: { kind: 'answer', status: 416 } as const },
    ]) {
      broken.faults.add({ route: 'file', ...rule });
    }
    const report = await stack.run({ server: 'broken', ...OBSERVATIONS });
    await expectExactFiles(report.location, broken);
    const asked = of(broken).filter(isOne);
    expect(asked.map(({ status }) => status)).toEqual([200, 206, 200, 416, 200]);
    expect(asked.map(({ rangeStart }) => rangeStart !== undefined)).toEqual([false, true, false, true, false]);
  });
});
