import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import type { TemporalServer } from '../../src/temporal-server/server.ts';
import type { StartedExport } from '../../src/client.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { freeAddress, listenOnLoopback } from '../support/listen.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker } from '../support/real-worker.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { serverEntry, startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

const RATE = 400_000;
const SLOW = 20_000;

let stack: Stack;
let hospital: SampleServer;
let folder: string;
let dbFilename: string;
let temporal: TemporalServer;
const workers: RealWorker[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shutdown-'));
  dbFilename = join(folder, 'temporal.db');
  temporal = await startTemporalServer({ cli: inject('temporalCli'), ports: 'free', headless: true, dbFilename });
  const client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  const stop = () => client.connection.close();
  stack = await startStack({
    temporal: { address: temporal.address, client, stop },
    workers: false,
    servers: {
      hospital: {
        patients: 500,
        linesPerFile: 100_000,
        pollsUntilReady: 0,
        gzip: false,
        throttleBytesPerSecond: RATE,
      },
      wards: {
        patients: 200,
        // Files that are known to be small all stay in one thread.
        fileSizeInManifest: false,
        linesPerFile: 800,
        pollsUntilReady: 0,
        gzip: false,
        throttleBytesPerSecond: SLOW,
      },
    },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map(({ child }) => killWorker(child)));
});
afterAll(async () => {
  await stack.close();
  await temporal.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startWorker(): Promise<RealWorker> {
  const worker = await startRealWorker(stack);
  workers.push(worker);
  return worker;
}

const files = () => hospital.journal.filter(({ route }) => route === 'file');
const sent = () => files().reduce((sum, { bytesSent }) => sum + bytesSent, 0);
const OBSERVATIONS = { parameters: { _type: 'Observation' } };
const started = async ({ logs }: RealWorker) => {
  await expect.poll(logs, { timeout: 20_000 }).toContain('worker started');
};

/** Failures by which Temporal has found that a worker was gone. */
async function timeouts({ handle }: StartedExport): Promise<object[]> {
  const events = (await runsOf(stack.client, handle.workflowId)).flat();
  const failures = events.flatMap((event) => event.activityTaskStartedEventAttributes?.lastFailure ?? []);
  expect(failures, 'attempts that were followed by another').not.toEqual([]);
  return failures.filter(({ timeoutFailureInfo }) => timeoutFailureInfo != null);
}

describe('SIGTERM', () => {
  test('hands a download over to another worker at once, with nothing fetched twice', async () => {
    const first = await startWorker();
    await started(first);
    // However long the other worker takes to start, the first one is not done before.
    hospital.faults.add({ route: 'file', do: { kind: 'stall', afterBytes: 3 * RATE } });
    const run = await stack.start(OBSERVATIONS);
    await expect.poll(sent, { timeout: 30_000, interval: 50 }).toBeGreaterThan(0);
    await started(await startWorker());
    await expect.poll(sent, { timeout: 30_000, interval: 50 }).toBeGreaterThan(2 * RATE);
    const asked = Date.now();
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(Date.now() - asked).toBeLessThan(30_000);
    expect(first.logs()).toContain('worker stopped');

    const report = await run.result();
    await expectExactFiles(report.location, hospital);
    const [one, other] = files();
    expect([one?.status, other?.status]).toEqual([200, 206]);
    expect(await timeouts(run)).toEqual([]);
    // What was on its way when the connection was closed has been sent, and not received.
    expect(sent() - report.bytes).toBeLessThan(RATE);
  }, 120_000);

  test('hands over what several threads download', async () => {
    stack.config.downloadThreads = 2;
    const wards = stack.servers['wards'] as SampleServer;
    const requests = () => wards.journal.filter(({ route }) => route === 'file');
    const first = await startWorker();
    await started(first);
    const run = await stack.start({ server: 'wards', ...OBSERVATIONS });
    const isUnderWay = ({ bytesSent }: { bytesSent: number }) => bytesSent > 2 * SLOW;
    await expect.poll(() => requests().filter(isUnderWay).length, { timeout: 30_000 }).toBeGreaterThanOrEqual(2);
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(first.logs()).toContain('worker stopped');

    await startWorker();
    const report = await run.result();
    await expectExactFiles(report.location, wards);
    const paths = [...new Set(requests().map(({ url }) => url.replace(/\?.*/, '')))];
    const perFile = paths.map((path) => requests().filter(({ url }) => url.startsWith(path)));
    const twice = perFile.filter(({ length }) => length > 1);
    expect(twice.length).toBeGreaterThanOrEqual(2);
    for (const one of twice) expect(one.map(({ status }) => status)).toEqual([200, 206]);
  }, 120_000);

  test('ends a worker within 30 s while a token endpoint is silent', async () => {
    let asked = 0;
    const endpoint = createServer((socket) => socket.on('error', () => {}).on('data', () => void asked++));
    const tokenUrl = `http://127.0.0.1:${await listenOnLoopback(endpoint)}/token`;
    const clientSecretFile = join(folder, 'secret');
    await writeFile(clientSecretFile, 'secret', { mode: 0o600 });
    stack.config.servers['silent'] = serverEntry(hospital.baseUrl, {
      auth: { type: 'client-secret', clientId: 'one', secretIn: 'basic', clientSecretFile, tokenUrl },
    });
    const worker = await startWorker();
    const run = await stack.start({ server: 'silent' });
    await expect.poll(() => asked, { timeout: 30_000 }).toBeGreaterThan(0);
    const signalled = Date.now();
    worker.child.kill('SIGTERM');
    await worker.exited;
    expect(Date.now() - signalled).toBeLessThan(30_000);
    await run.handle.terminate();
    endpoint.close();
    delete stack.config.servers['silent'];
  }, 120_000);

  test('ends a worker that has never reached Temporal at once, whoever is connected to its probes', async () => {
    const address = await freeAddress();
    const unreachable = { config: stack.config, temporal: { address: await freeAddress() } };
    const worker = await startRealWorker(unreachable, { BULK_EXPORT_HEALTH: address });
    workers.push(worker);
    await expect.poll(worker.logs, { timeout: 20_000 }).toContain('Temporal is unreachable; retrying');
    // Asks nothing yet.
    const prober = connect(Number(address.split(':')[1]), '127.0.0.1');
    const left = once(prober, 'close');
    await once(prober, 'connect');
    const signalled = Date.now();
    worker.child.kill('SIGTERM');
    expect(await worker.exited).toBe(0);
    expect(Date.now() - signalled).toBeLessThan(15_000);
    await left;
  }, 60_000);

  test('ends a worker within 30 s while Temporal is unreachable, and the file goes on afterwards', async () => {
    const first = await startWorker();
    await started(first);
    const run = await stack.start(OBSERVATIONS);
    await expect.poll(sent, { timeout: 30_000, interval: 50 }).toBeGreaterThan(2 * RATE);
    process.kill(temporal.pid, 'SIGKILL');
    await temporal.exited;
    const asked = Date.now();
    first.child.kill('SIGTERM');
    await first.exited;
    expect(Date.now() - asked).toBeLessThan(30_000);

    // Started before Temporal is back: it waits.
    const second = await startWorker();
    await expect.poll(second.logs, { timeout: 20_000 }).toContain('Temporal is unreachable; retrying');
    const port = Number(temporal.address.split(':')[1]);
    const again = { cli: inject('temporalCli'), ports: 'free', port, headless: true, dbFilename } as const;
    temporal = await startTemporalServer(again);
    await started(second);
    const report = await run.result();
    await expectExactFiles(report.location, hospital);
    expect(files().map(({ status }) => status)).toEqual([200, 206]);
    expect(sent() - report.bytes).toBeLessThan(2 * RATE);
  }, 180_000);
});
