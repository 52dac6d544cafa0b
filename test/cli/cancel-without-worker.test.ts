import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { BULK_EXPORT } from '../../src/contract.ts';
import type { CliUser } from '../support/cli.ts';
import { newCliUser } from '../support/cli.ts';
import { temporalEnv } from '../support/real-worker.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

vi.setConfig({ testTimeout: 120_000 });

let stack: Stack;
let user: CliUser;
beforeAll(async () => {
  stack = await startStack({ servers: {}, workers: false });
  user = await newCliUser();
});
afterAll(async () => {
  await user?.leave();
  await stack?.close();
});

test('a cancel that no worker can carry out says what it waits for, and stays when it is left', async () => {
  const handle = await stack.client.workflow.start(BULK_EXPORT, {
    taskQueue: 'nobody',
    workflowId: 'q1',
    args: [{ server: 'hospital', level: 'patient' }],
  });
  const cancel = user.start(['cancel', 'q1'], temporalEnv(stack));
  await expect
    .poll(() => cancel.stdout(), { timeout: 30_000 })
    .toContain('No worker answers on the task queue nobody.');
  expect(cancel.stdout()).toContain('"BULK_EXPORT_TASK_QUEUE=nobody fhir-bulk-export worker" starts one');
  expect(cancel.stdout()).toContain('temporal workflow terminate --workflow-id q1');
  // What it says to do next is not what was just done.
  expect(cancel.stdout()).not.toContain('fhir-bulk-export cancel');
  cancel.child.kill('SIGINT');
  await cancel.result;

  const { events } = await handle.fetchHistory();
  expect(events?.some((event) => event.workflowExecutionCancelRequestedEventAttributes != null)).toBe(true);
  await handle.terminate();
});
