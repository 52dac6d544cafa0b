import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { JournalEntry, SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import type { ExportReport } from '../../src/contract.ts';
import { DurableTemporal } from '../chaos/temporal.ts';
import { slotsOf } from '../support/gates.ts';
import { expectNoneTooMany } from '../support/jobs-of-journal.ts';
import { LeaseWatch } from '../support/lease-watch.ts';
import { seededRandom } from '../support/random.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

/**
 * SOAK=200 npm test -- test/process/slots-through-kills.test.ts runs so many exports, on four slots, with kills until the
 * end, some of them terminated.
 */
const SOAK = Number(process.env['SOAK'] ?? 0);
const SLOTS = SOAK > 0 ? 4 : 1;
const FORGOTTEN_AFTER = 30_000;
/** Of 200 exports that asked every three seconds a gate would hear nothing but that; really it is every ten minutes. */
const GATE_ASK = SOAK > 0 ? 30_000 : 3000;
/** Milliseconds for which the server may be away; kick-offs are refused for longer than that. */
const OUTAGE = 6000;
const WORKER = { PATIENT: 'yes', GATE_ASK: `${GATE_ASK}`, OUTAGE: `${OUTAGE}` };
/** Milliseconds for which the slot of an export that is over may be lost: three searches of the gate, which are 15 minutes. */
const LONGEST_LOSS = 3 * 2 * GATE_ASK;

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
    servers: { hospital: { patients: 5, pollsUntilReady: 1, maxJobs: SLOTS, forgottenAfterMs: FORGOTTEN_AFTER } },
    entries: { hospital: { maxConcurrentExports: SLOTS } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(async () => {
  await Promise.all(workers.map(killWorker));
  await stack.close();
  await temporal.close();
  await rm(folder, { recursive: true, force: true });
});

test(
  'exports of a server with one slot, on two workers: one after another, through the end of workers and of Temporal',
  async () => {
    const random = seededRandom(SOAK);
    // Refused for longer than an outage may last.
    const body = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'throttled' }] };
    const headers = { 'Retry-After': '1', 'Content-Type': 'application/fhir+json' };
    const refusal = { kind: 'answer', status: 429, body: JSON.stringify(body), headers } as const;
    const spared = new Set<JournalEntry>();
    const refuses = (entry: JournalEntry): boolean => {
      const [first = entry, last = first] = [[...spared][0], [...spared].at(-1)];
      return last.at - first.at <= OUTAGE && spared.add(entry) !== undefined;
    };
    hospital.faults.add({ route: 'kickOff', times: Infinity, match: refuses, do: refusal });
    workers.push(await startWorkerProcess(stack, WORKER), await startWorkerProcess(stack, WORKER));
    const request = { server: 'hospital', parameters: { _type: 'Patient' } };
    const started = await Promise.all(
      Array.from({ length: SOAK || 6 }, (_, number) => stack.start(request, `one-of-many-${number}`)),
    );
    const terminated = new Set(started.filter(() => SOAK > 0 && random() < 0.05));
    const leases = new LeaseWatch(stack.client, 'hospital', SLOTS);
    const ended = Promise.all(
      started.map(async (one) => {
        const outcome = await outcomeOf(one, terminated.has(one));
        leases.isOver(one.handle.workflowId);
        return outcome;
      }),
    );
    ended.catch(() => {});
    const isOver = ended.then(() => true);
    const toTerminate = [...terminated];
    const pause = SOAK > 0 ? () => newJobs(1 + Math.floor(4 * random())) : () => sleep(4000);
    let kills = 0;
    for (let round = 0; !(await Promise.race([isOver, pause()])); round++) {
      // A slow machine gets nowhere while it is killed for ever.
      if (SOAK === 0 && round >= 6) continue;
      kills++;
      if (round % 3 === 2) await temporal.crash(500);
      else {
        const place = round % 2;
        await killWorker(workers[place] as ChildProcess);
        workers[place] = await startWorkerProcess(stack, WORKER);
      }
      await toTerminate
        .pop()
        ?.handle.terminate()
        .catch(() => {});
    }
    const outcomes = await ended;
    // Each worker and Temporal.
    expect(kills).toBeGreaterThanOrEqual(3);
    expect(outcomes).toEqual(started.map((one) => (terminated.has(one) ? 'terminated' : 'complete')));
    const jobs = expectNoneTooMany(hospital.journal, { spared, forgottenAfter: FORGOTTEN_AFTER });
    expect(jobs).toBeGreaterThanOrEqual(outcomes.filter((outcome) => outcome === 'complete').length);
    const left = async () => {
      const { held, waiting } = await slotsOf(stack.client, 'hospital');
      return held.count + waiting.count;
    };
    await expect.poll(left, { timeout: 60_000 }).toBe(0);
    const { looks, most, longestLoss } = await leases.end();
    expect(looks).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(SLOTS);
    expect(longestLoss).toBeLessThan(LONGEST_LOSS);
  },
  SOAK > 0 ? 4 * 60 * 60 * 1000 : 600_000,
);

/** Waits for so many jobs more, three minutes at most: however slow the machine is, it gets somewhere between kills. */
async function newJobs(count: number): Promise<void> {
  const jobs = (): number =>
    hospital.journal.filter(({ route, status }) => route === 'kickOff' && status === 202).length;
  const enough = jobs() + count;
  for (let seconds = 0; seconds < 180 && jobs() < enough; seconds++) await sleep(1000);
}

/** How an export ended; one that is to be terminated may be complete before. */
async function outcomeOf(one: StartedExport, isTerminated: boolean): Promise<string> {
  if (!isTerminated) return (await reportOf(one)).status;
  await reportOf(one).catch(() => {});
  return 'terminated';
}

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
