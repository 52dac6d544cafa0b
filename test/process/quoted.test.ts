import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoted } from '../../src/process/quoted.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ servers: {}, workers: false });
});
afterAll(() => stack.close());

const count = async (id: string): Promise<number> =>
  (await stack.client.workflow.count(`WorkflowId = ${quoted(id)}`)).count;

test.each(['one', "ward's", 'a b-c_d.e/f%'])('the workflow with the id %s is found', async (workflowId) => {
  const handle = await stack.client.workflow.start('none', { workflowId, taskQueue: 'nobody' });
  await expect.poll(() => count(workflowId), { timeout: 30_000 }).toBe(1);
  await handle.terminate();
});

test.each(['\\', "a\\'b", "x' OR WorkflowType = 'none", "\\' OR WorkflowType = 'none"])(
  'a query for %s is right, and asks for nothing else',
  async (id) => {
    expect(await count(id)).toBe(0);
  },
);
