import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { BULK_EXPORT, TASK_QUEUE } from '../../src/contract.ts';
import type { CarriedState } from '../../src/workflows/carried-state.ts';
import { newState } from '../../src/workflows/state.ts';
import type { Stack } from '../support/stack.ts';
import { failureOf, startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    servers: { hospital: { patients: 3, pollsUntilReady: 0 } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());

const REQUEST = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } };
const state = newState(Date.now());
const forged: CarriedState = { ...state, job: { ...state.job, accepted: true }, fromRun: randomUUID() };
const { fromRun: _, ...nameless } = forged;

test.each<[string, unknown[], RegExp]>([
  ['none', [], /request: is missing/],
  ['null', [null], /request: must be an object/],
  ['text', ['hospital'], /request: must be an object/],
  ['a list', [[REQUEST]], /request: must be an object/],
  ['a request and null', [REQUEST, null], /takes one argument/],
  ['a request and text', [REQUEST, 'x'], /takes one argument/],
  ['a forged state', [REQUEST, forged], /takes one argument/],
  ['a forged state that names no run', [REQUEST, nameless], /takes one argument/],
  ['a state that is none', [REQUEST, {}], /takes one argument/],
  ['three of them', [REQUEST, undefined, 1], /takes one argument/],
  ['a group that leads elsewhere', [{ ...REQUEST, level: 'group', groupId: '..' }], /groupId: must not be/],
])('arguments of another kind fail the run, not its task: %s', async (_name, args, message) => {
  const result = stack.client.workflow.execute(BULK_EXPORT, { workflowId: randomUUID(), taskQueue: TASK_QUEUE, args });
  const failure = await failureOf(result);
  expect(failure).toEqual({ code: 'InvalidRequest', message: expect.stringMatching(message) });
});

test('input that is nested without end fails the run, not its task', async () => {
  const workflowId = randomUUID();
  const data = Buffer.from(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
  await stack.client.workflowService.startWorkflowExecution({
    namespace: stack.client.options.namespace,
    workflowId,
    requestId: workflowId,
    workflowType: { name: BULK_EXPORT },
    taskQueue: { name: TASK_QUEUE },
    input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data }] },
  });
  const failure = await failureOf(stack.client.workflow.getHandle(workflowId).result());
  expect(failure.code).toBe('InvalidRequest');
});

test('a forged state fails every run of a cron schedule, though each comes after another', async () => {
  const options = { taskQueue: TASK_QUEUE, args: [REQUEST, nameless], cronSchedule: '@every 1s' };
  const handle = await stack.client.workflow.start(BULK_EXPORT, { workflowId: 'cron', ...options });
  const failed = async () =>
    (await stack.client.workflow.count("WorkflowId = 'cron' AND ExecutionStatus = 'Failed'")).count;
  await expect.poll(failed, { timeout: 20_000, interval: 300 }).toBeGreaterThan(1);
  await handle.terminate();
  expect(hospital.journal).toEqual([]);
});
