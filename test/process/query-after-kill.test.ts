import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { ask } from '../../src/client/ask.ts';
import { TASK_QUEUE } from '../../src/contract.ts';
import type { GateReport } from '../../src/gate-contract.ts';
import { EXPORT_GATE, SLOTS, gateId } from '../../src/gate-contract.ts';
import type { Ask } from '../../src/policy/gate/messages.ts';
import { ACQUIRE } from '../../src/policy/gate/messages.ts';
import { ASK_AGAIN } from '../../src/query-contract.ts';
import { killGroup } from '../../src/programs/child.ts';
import { slotsOf } from '../support/gates.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, startStack } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

let stack: Stack;
const workers: ChildProcess[] = [];
beforeAll(async () => {
  stack = await startStack({ workers: false, servers: { hospital: { patients: 1 } } });
});
beforeEach(async () => {
  if (workers.length === 0) workers.push(await startWorkerProcess(stack));
});
afterAll(async () => {
  await Promise.all(workers.map(killWorker));
  await stack.close();
});

const HOUR = 3_600_000;
const TIMES = { gateAsk: HOUR, gateSweep: HOUR, gatePressure: HOUR, gateQuiet: HOUR, gateIdle: HOUR };
const WANTS = { slot: 'wanted', uses: 0, heard: 0, limits: { exports: 1 } };

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** The export that asks by a signal of the history. */
function askerOf({ workflowExecutionSignaledEventAttributes: signal }: HistoryEvent): string[] {
  const [payload] = signal?.input?.payloads ?? [];
  return payload == null ? [] : [defaultPayloadConverter.fromPayload<Ask>(payload).workflowId];
}

test.each([
  { server: 'waiting', state: 'a task that nobody has started', isStarted: false },
  { server: 'started', state: 'a task that the lost worker has started', isStarted: true },
])('a query that loads a run with $state decides nothing', async ({ server, isStarted }) => {
  const gate = await stack.client.workflow.start(EXPORT_GATE, {
    workflowId: gateId(server),
    taskQueue: TASK_QUEUE,
    args: [{ server, times: TIMES }],
  });
  let turn = Date.now();
  const wants = (workflowId: string) =>
    gate.signal(ACQUIRE, { ...WANTS, workflowId, firstRunId: workflowId, turn: turn++, since: turn });
  await wants('first');
  // The gate has found out that there is no export of that name, and has nothing to do: a query would wait for its task.
  const isIdle = async () => (await gate.describe()).raw.pendingWorkflowTask == null && (await heardOfFirst());
  const heardOfFirst = async () =>
    (await gate.fetchHistory()).events?.some((event) => event.signalExternalWorkflowExecutionFailedEventAttributes);
  await expect.poll(isIdle, { timeout: 20_000, interval: 500 }).toBe(true);

  // As a machine that is lost: the query still reaches it, and Temporal waits for ten seconds.
  const lost = workers.pop() as ChildProcess;
  killGroup(lost, 'SIGSTOP');
  const query = gate.query<GateReport>(SLOTS).then(String, (error: Error) => error.message);
  await sleep(500);
  if (!isStarted) await killWorker(lost);
  await wants('second');
  // Scheduled is 1, started 2; a connection that has broken just now may still have taken it.
  const state = async () => (await gate.describe()).raw.pendingWorkflowTask?.state ?? 0;
  await expect.poll(state).toBeGreaterThanOrEqual(isStarted ? 2 : 1);
  await killWorker(lost);
  workers.push(await startWorkerProcess(stack));
  expect(await query).toContain(ASK_AGAIN);
  await wants('third');

  // This one is answered as soon as a workflow task has been.
  expect(await ask<GateReport>(gate, SLOTS)).toMatchObject({ server });
  // From then on all are answered at once.
  for (const another of ['fourth', 'fifth']) {
    await wants(another);
    expect(await gate.query<GateReport>(SLOTS)).toMatchObject({ server });
  }
  const history = await gate.fetchHistory();
  const events = history.events ?? [];
  const told = events.flatMap(({ signalExternalWorkflowExecutionInitiatedEventAttributes: one }) =>
    one == null ? [] : [{ to: one.workflowExecution?.workflowId, task: Number(one.workflowTaskCompletedEventId) }],
  );
  const { task } = told.find(({ to }) => to === 'second') as { task: number };
  const completed = events.find(({ eventId }) => Number(eventId) === task)?.workflowTaskCompletedEventAttributes;
  const heard = events.filter(({ eventId }) => Number(eventId) < Number(completed?.startedEventId)).flatMap(askerOf);
  // All that the task had heard of: a replay tells them at once, too.
  expect(told.filter((one) => one.task === task).map(({ to }) => to)).toEqual(heard.filter((one) => one !== 'first'));
  await gate.terminate();
  await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, history, gate.workflowId);
});

test('a run that was terminated while something waited for its worker is not asked again and again', async () => {
  const gate = await stack.client.workflow.start(EXPORT_GATE, {
    workflowId: gateId('closed'),
    taskQueue: TASK_QUEUE,
    args: [{ server: 'closed', times: TIMES }],
  });
  await expect.poll(() => slotsOf(stack.client, 'closed'), { timeout: 20_000 }).toMatchObject({ server: 'closed' });
  await killWorker(workers.pop() as ChildProcess);
  await gate.signal(ACQUIRE, { ...WANTS, workflowId: 'late', firstRunId: 'late', turn: Date.now(), since: Date.now() });
  await gate.terminate();
  workers.push(await startWorkerProcess(stack));
  const queries = vi.spyOn(gate, 'query');
  await expect(ask(gate, SLOTS)).rejects.toThrow(ASK_AGAIN);
  expect(queries).toHaveBeenCalledOnce();
});
