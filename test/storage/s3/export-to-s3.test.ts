import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../../dev/sample-server/index.ts';
import type { CheckReport, CheckRequest, ExportReport } from '../../../src/contract.ts';
import { CHECK_SERVER, TASK_QUEUE } from '../../../src/contract.ts';
import { expectExactFiles } from '../../support/exported-files.ts';
import type { TestS3 } from '../../support/s3.ts';
import { downloadExport, hasS3, startS3 } from '../../support/s3.ts';
import type { Stack } from '../../support/stack.ts';
import { startStack } from '../../support/stack.ts';
import { killWorker, startWorkerProcess } from '../../support/worker-processes.ts';

const MIB = 1024 * 1024;
const PIECE = 8 * MIB;
const RATE = 4 * MIB;

describe.skipIf(!hasS3)('an export to S3', () => {
  let s3: TestS3;
  let stack: Stack;
  let hospital: SampleServer;
  let big: SampleServer;
  const workers: ChildProcess[] = [];

  beforeAll(async () => {
    s3 = await startS3();
    stack = await startStack({
      workers: false,
      servers: {
        hospital: { patients: 60, linesPerFile: 200, pollsUntilReady: 0 },
        big: {
          patients: 2500,
          linesPerFile: 1_000_000,
          pollsUntilReady: 0,
          gzip: false,
          throttleBytesPerSecond: RATE,
        },
      },
    });
    stack.config.destinations['lake'] = s3.destination({ prefix: 'raw' });
    stack.config.destinations['pond'] = s3.destination({ bucket: 'pond' });
    hospital = stack.servers['hospital'] as SampleServer;
    big = stack.servers['big'] as SampleServer;
  });
  afterAll(async () => {
    await Promise.all(workers.splice(0).map(killWorker));
    await stack.close();
    await s3.stop();
  });
  beforeEach(async () => {
    for (const server of [hospital, big]) {
      server.journal.length = 0;
      server.faults.clear();
    }
    if (workers.length === 0) workers.push(await startWorkerProcess(stack, { PATIENT: '1' }));
  });

  const at = (path: string) => ({ destination: { name: 'lake', path } });
  const filesOf = (server: SampleServer) => server.journal.filter(({ route }) => route === 'file');
  const expectExact = async (report: ExportReport, server: SampleServer): Promise<void> => {
    const folder = await downloadExport(s3, report.location);
    await expectExactFiles(folder, server);
    await rm(folder, { recursive: true });
    expect(await s3.uploads()).toEqual([]);
  };

  test('has the files that the server sent, byte for byte, and its own', async () => {
    const report = await stack.run({ server: 'hospital', ...at('whole') });
    expect(report).toMatchObject({ location: 's3://lake/raw/whole', status: 'complete', warnings: [] });
    await expectExact(report, hospital);
  });

  test('fetches a file again that was cut between two runs', async () => {
    const request = { server: 'hospital', ...at('cut') };
    const isCondition = ({ url }: { url: string }): boolean => url.includes('Condition');
    hospital.faults.add({ route: 'file', match: isCondition, times: Infinity, do: { kind: 'answer', status: 400 } });
    expect(await stack.fail(request)).toMatchObject({ code: 'IncompleteExport' });
    const object = { Bucket: 'lake', Key: 'raw/cut/Patient.00001.ndjson' };
    const whole = await s3.client.send(new GetObjectCommand(object));
    const [line = ''] = (await whole.Body?.transformToString())?.split('\n') ?? [];
    await s3.client.send(new PutObjectCommand({ ...object, Body: `${line}\n` }));
    hospital.faults.clear();
    const before = filesOf(hospital).length;
    await expectExact(await stack.run(request), hospital);
    const again = filesOf(hospital)
      .slice(before)
      .filter((one) => !isCondition(one));
    expect(again.map(({ url }) => url)).toEqual([expect.stringContaining('Patient.1.')]);
  });

  test('goes on after a killed worker with what was stored of a big file', async () => {
    const started = await stack.start({ server: 'big', parameters: { _type: 'Observation' }, ...at('killed') });
    const sent = (): number => filesOf(big).reduce((total, { bytesSent }) => total + bytesSent, 0);
    await expect.poll(sent, { timeout: 60_000, interval: 50 }).toBeGreaterThan(1.75 * PIECE);
    await killWorker(workers.pop() as ChildProcess);
    const before = sent();
    workers.push(await startWorkerProcess(stack, { PATIENT: '1' }));
    const report = await started.result();
    await expectExact(report, big);
    expect(report.bytes).toBeGreaterThan(2.5 * PIECE);
    expect(filesOf(big).map(({ status }) => status)).toEqual([200, 206]);
    const kept = filesOf(big)[1]?.rangeStart ?? 0;
    expect(kept).toBeGreaterThan(0);
    expect(kept % PIECE).toBe(0);
    // A piece, and what was on its way meanwhile.
    expect(before - kept).toBeLessThan(PIECE + RATE);
  }, 120_000);

  test('is adopted by the same request with the same path, and fetches what is missing only', async () => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: { kind: 'answer', status: 400 },
    });
    expect((await stack.fail({ server: 'hospital', ...at('adopted') })).code).toBe('IncompleteExport');
    hospital.faults.clear();
    hospital.journal.length = 0;
    const report = await stack.run({ server: 'hospital', ...at('adopted') });
    await expectExact(report, hospital);
    expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toEqual([]);
    expect(filesOf(hospital).every(({ url }) => url.includes('Condition'))).toBe(true);
  });

  test('starts afresh, without a file of the old job, when that is gone', async () => {
    hospital.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Condition'),
      times: Infinity,
      do: { kind: 'answer', status: 400 },
    });
    expect((await stack.fail({ server: 'hospital', ...at('gone') })).code).toBe('IncompleteExport');
    hospital.faults.clear();
    hospital.change({ updated: 3 });
    const old = hospital.jobs().at(-1)?.id;
    hospital.faults.add({
      route: ['status', 'file'],
      match: ({ jobId }) => jobId === old,
      times: Infinity,
      do: { kind: 'answer', status: 410 },
    });
    const report = await stack.run({ server: 'hospital', ...at('gone') });
    expect(report.warnings.map(({ code }) => code)).toEqual(['JobRestarted']);
    await expectExact(report, hospital);
  });

  test('is refused where another one is, or other objects are', async () => {
    await stack.run({ server: 'hospital', parameters: { _type: 'Patient' }, ...at('taken') });
    expect(await stack.fail({ server: 'hospital', ...at('taken') })).toMatchObject({
      code: 'DestinationNotEmpty',
      message: expect.stringContaining('s3://lake/raw/taken'),
    });
  });

  test('fails at once without its bucket', async () => {
    expect(await stack.fail({ server: 'hospital', destination: { name: 'pond' } })).toMatchObject({
      code: 'DestinationFailed',
      message: expect.stringContaining('s3://pond: there is no such bucket'),
    });
    expect(hospital.journal).toEqual([]);
  });

  test('that is cancelled leaves no parts and no uploads', async () => {
    const started = await stack.start({ server: 'big', parameters: { _type: 'Observation' }, ...at('cancelled') });
    const sent = (): number => filesOf(big).reduce((total, { bytesSent }) => total + bytesSent, 0);
    await expect.poll(sent, { timeout: 60_000, interval: 50 }).toBeGreaterThan(1.5 * PIECE);
    await started.handle.cancel();
    await expect(started.result()).rejects.toThrow();
    expect((await s3.keys('raw/cancelled/')).filter((key) => key.includes('/parts/'))).toEqual([]);
    expect(await s3.uploads()).toEqual([]);
  }, 120_000);

  test('can be checked beforehand', async () => {
    const check = (destination: string) =>
      stack.client.workflow.execute<(request: CheckRequest) => Promise<CheckReport>>(CHECK_SERVER, {
        taskQueue: TASK_QUEUE,
        workflowId: `check-${destination}`,
        args: [{ server: 'hospital', destination }],
      });
    const good = await check('lake');
    expect(good.rows).toContainEqual({
      item: 'destination lake',
      result: 'ok',
      detail: 's3://lake/raw can be written',
    });
    expect((await s3.keys('raw/')).filter((key) => key.includes('check-'))).toEqual([]);
    const bad = await check('pond');
    expect(bad.ok).toBe(false);
    expect(bad.rows.at(-1)?.detail).toContain('DestinationFailed: s3://pond: there is no such bucket');
  });
});
