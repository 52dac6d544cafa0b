import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask } from '../../src/client/ask.ts';
import { TASK_QUEUE } from '../../src/contract.ts';
import type { GateReport } from '../../src/gate-contract.ts';
import { EXPORT_GATE, SLOTS, gateId } from '../../src/gate-contract.ts';
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
  workers.push(await startWorkerProcess(stack));
});
afterAll(async () => {
  await Promise.all(workers.map(killWorker));
  await stack.close();
});

const WANTS = { slot: 'wanted', uses: 0, heard: 0, limits: { exports: 1 } };

test.each([
  { state: 'a task that nobody has started', isStarted: false },
  { state: 'a task that the lost worker has started', isStarted: true },
])('a query that loads a run with $state decides nothing', async ({ isStarted }) => {
  const hour = 3_600_000;
  const times = { gateAsk: hour, gateSweep: hour, gatePressure: hour, gateQuiet: hour, gateIdle: hour };
  const gate = await stack.client.workflow.start(EXPORT_GATE, {
    workflowId: gateId('hospital'),
    taskQueue: TASK_QUEUE,
    args: [{ server: 'hospital', times }],
  });
  let turn = Date.now();
  const wants = (workflowId: string) =>
    gate.signal(ACQUIRE, { ...WANTS, workflowId, firstRunId: workflowId, turn: turn++, since: turn });
  await wants('first');
  const known = async () => {
    const { held, waiting } = await ask<GateReport>(gate, SLOTS);
    return held.count + waiting.count;
  };
  await expect.poll(known, { timeout: 20_000 }).toBe(1);
  // The gate has found out that there is no export of that name, and has nothing to do: a query would wait for its task.
  const isIdle = async () => (await gate.describe()).raw.pendingWorkflowTask == null && (await heardOfFirst());
  const heardOfFirst = async () =>
    (await gate.fetchHistory()).events?.some((event) => event.signalExternalWorkflowExecutionFailedEventAttributes);
  await expect.poll(isIdle, { timeout: 20_000, interval: 500 }).toBe(true);

  // As a machine that is lost: the query still reaches it, and Temporal waits for ten seconds.
  const lost = workers.pop() as ChildProcess;
  killGroup(lost, 'SIGSTOP');
  const query = slotsOf(stack.client, 'hospital').then(String, (error: Error) => error.message);
  await sleep(500);
  if (!isStarted) await killWorker(lost);
  await wants('second');
  await expect.poll(async () => (await gate.describe()).raw.pendingWorkflowTask?.state).toBe(isStarted ? 2 : 1);
  await killWorker(lost);
  workers.push(await startWorkerProcess(stack));
  expect((await query).includes(ASK_AGAIN)).toBe(!isStarted);
  await wants('third');

  // This one is answered as soon as a workflow task has been.
  expect(await ask<GateReport>(gate, SLOTS)).toMatchObject({ server: 'hospital' });
  const history = await gate.fetchHistory();
  const told = (history.events ?? []).flatMap(({ signalExternalWorkflowExecutionInitiatedEventAttributes: one }) =>
    one == null ? [] : [{ to: one.workflowExecution?.workflowId, task: Number(one.workflowTaskCompletedEventId) }],
  );
  const { task } = told.find(({ to }) => to === 'second') as { task: number };
  // The task had heard of both: a replay tells both at once, too.
  expect(told.filter((one) => one.task === task).map(({ to }) => to)).toEqual(['second', 'third']);
  await gate.terminate();
  await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, history, gate.workflowId);
});
