import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectJobsApart } from '../support/jobs-of-journal.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportReport } from '../../src/contract.ts';
import { DurableTemporal } from '../chaos/temporal.ts';
import { slotsOf } from '../support/gates.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

const EXPORTS = 10;

let stack: Stack;
let hospital: SampleServer;
let folder: string;
let temporal: DurableTemporal;
const workers: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slots-through-kills-'));
  temporal = await DurableTemporal.start(inject('temporalCli'), folder);
  const { address, client } = temporal;
  stack = await startStack({
    workers: false,
    temporal: { address, client, namespace: 'default', stop: async () => {} },
    servers: { hospital: { patients: 5, pollsUntilReady: 1, maxJobs: 1, forgottenAfterMs: 10_000 } },
    entries: { hospital: { maxConcurrentExports: 1, deleteFreesSlot: true } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(async () => {
  await Promise.all(workers.map(killWorker));
  await stack.close();
  await temporal.close();
  await rm(folder, { recursive: true, force: true });
});

test('ten exports of a server with one slot, on two workers: one after another, through the end of workers and of Temporal', async () => {
  // Refused for a while, whatever the reason.
  const body = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'throttled' }] };
  const headers = { 'Retry-After': '1', 'Content-Type': 'application/fhir+json' };
  const refusal = { kind: 'answer', status: 429, body: JSON.stringify(body), headers } as const;
  hospital.faults.add({ route: 'kickOff', times: 4, do: refusal });
  workers.push(await startWorkerProcess(stack, PATIENT), await startWorkerProcess(stack, PATIENT));
  const request = { server: 'hospital', parameters: { _type: 'Patient' } };
  const started = await Promise.all(
    Array.from({ length: EXPORTS }, (_, number) => stack.start(request, `one-of-ten-${number}`)),
  );
  const ended = Promise.all(started.map(reportOf));
  ended.catch(() => {});
  const isOver = ended.then(() => true);
  for (let round = 0; !(await Promise.race([isOver, sleep(4000)])); round++) {
    if (round % 3 === 2) await temporal.crash(500);
    else if (round < 6) {
      const place = round % 2;
      await killWorker(workers[place] as ChildProcess);
      workers[place] = await startWorkerProcess(stack, PATIENT);
    }
  }
  const reports = await ended;
  expect(reports.map(({ status }) => status)).toEqual(reports.map(() => 'complete'));
  expect(expectJobsApart(hospital.journal)).toBeGreaterThanOrEqual(EXPORTS);
  await expect.poll(async () => (await slotsOf(stack.client, 'hospital')).held.count, { timeout: 30_000 }).toBe(0);
}, 300_000);

const PATIENT = { PATIENT: 'yes' };

/** The report, however often Temporal is away while it is waited for. */
async function reportOf(started: StartedExport): Promise<ExportReport> {
  for (;;) {
    try {
      return await started.result();
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      await sleep(200);
    }
  }
}
