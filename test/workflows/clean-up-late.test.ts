/** Exports that are stopped while workers go away, for longer than a clean-up may take. */
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { TASK_QUEUE } from '../../src/contract.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, failureOf, startStack } from '../support/stack.ts';

const limits = { ...SHORT_LIMITS, delete: 8000, cleanUp: 9000 };
const LONG = { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } as const;

let stack: Stack;
let hospital: SampleServer;
beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 3, pollsUntilReady: 0 } }, limits });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
beforeEach(() => {
  hospital.journal.length = 0;
  hospital.faults.clear();
  hospital.faults.add({ route: 'status', times: Infinity, do: LONG });
});

/** Does something while there are workers that decide, from a time on, and none that do anything. */
async function whileNobodyActs(act: () => Promise<void>, from = 0): Promise<void> {
  const { address, namespace } = stack.temporal;
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    namespace: namespace ?? 'default',
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: BUNDLE },
  });
  await sleep(Math.max(0, from - Date.now()));
  await worker.runUntil(act);
  await connection.close();
}

async function inPhase(started: StartedExport, phase: string): Promise<void> {
  await expect.poll(async () => (await started.progress()).phase, { timeout: 20_000 }).toBe(phase);
}

/** Workers come back, first those that decide: they begin to wait for the DELETE. Then it is sent, and the run ends. */
async function comeBack(started: StartedExport, timer: string, from = 0): Promise<void> {
  await whileNobodyActs(() => until(started, hasTimer(timer)), from);
  await stack.startWorkers();
  expect(await failureOf(started.result())).toMatchObject({ code: 'Cancelled' });
  expect(hospital.jobs().at(-1)?.state).toBe('deleted');
}

test('a DELETE that nobody sent in the time for the clean-up is sent when workers are back', async () => {
  const started = await stack.start({});
  await inPhase(started, 'waiting');
  await stack.stopWorkers();
  let since = 0;
  await whileNobodyActs(async () => {
    await started.cancel();
    await inPhase(started, 'cleaning-up');
    since = Date.now();
  });
  // A moment later than its time ends.
  await comeBack(started, 'clean-up, late', since + limits.cleanUp + 1500);
}, 120_000);

test('a kick-off that has ended while nobody decided has its job deleted, when all time for that is over', async () => {
  hospital.faults.add({ route: 'kickOff', do: { kind: 'delay', ms: limits.cleanUp + 4000 } });
  const started = await stack.start({});
  await expect.poll(() => hospital.journal.some(({ route }) => route === 'kickOff'), { timeout: 20_000 }).toBe(true);
  await started.cancel();
  await until(started, waitsForRest);
  // It ends when the kick-off has ended, and hears of nothing else.
  await stack.stopWorkers();
  await comeBack(started, 'clean-up');
}, 120_000);

type History = Awaited<ReturnType<StartedExport['handle']['fetchHistory']>>;

async function until(started: StartedExport, isThere: (history: History) => boolean): Promise<void> {
  await expect.poll(() => started.handle.fetchHistory().then(isThere), { timeout: 30_000 }).toBe(true);
}

/** The cancel is known, and what still runs is waited for. */
function waitsForRest({ events }: History): boolean {
  const all = events ?? [];
  const cancel = all.findIndex((event) => event.workflowExecutionCancelRequestedEventAttributes != null);
  return cancel >= 0 && all.slice(cancel).some((event) => event.timerStartedEventAttributes != null);
}

/** A timer of this summary has been started. */
function hasTimer(summary: string): (history: History) => boolean {
  return ({ events }) =>
    (events ?? []).some(({ timerStartedEventAttributes: timer, userMetadata }) => {
      const data = timer == null ? undefined : userMetadata?.summary?.data;
      return data != null && JSON.parse(Buffer.from(data).toString()) === summary;
    });
}
