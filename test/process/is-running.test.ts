import { expect, test } from 'vitest';
import type { Client } from '@temporalio/client';
import { isRunning } from '../../src/process/is-running.ts';

const owner = { workflowId: 'a', firstRunId: 'first', runId: 'first' };

/** A client of a service that knows one export. */
function clientOf(name: string, firstRunId = 'first'): Pick<Client, 'workflow'> {
  const described = { status: { name }, raw: { workflowExecutionInfo: { firstRunId } } };
  const workflow = { getHandle: () => ({ describe: () => Promise.resolve(described) }) };
  return { workflow } as unknown as Pick<Client, 'workflow'>;
}

test.each([
  ['RUNNING', true],
  ['PAUSED', true],
  ['TERMINATED', false],
  ['COMPLETED', false],
])('an export that is %s', async (status, runs) => {
  expect(await isRunning(clientOf(status), owner)).toBe(runs);
});

test('another export of the same workflow id is another one', async () => {
  expect(await isRunning(clientOf('RUNNING', 'other'), owner)).toBe(false);
});

test('a server of Temporal that does not say which run was the first', async () => {
  expect(await isRunning(clientOf('RUNNING', ''), owner)).toBe(true);
  expect(await isRunning(clientOf('TERMINATED', ''), owner)).toBe(false);
});
