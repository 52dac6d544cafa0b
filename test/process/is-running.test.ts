import { expect, test } from 'vitest';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { isRunning, ownerState } from '../../src/process/is-running.ts';

const owner = { workflowId: 'a', firstRunId: 'first', runId: 'first' };

/**
 * A client of a service that knows one export, and says which run was its first, or only its history does; before it, one
 * that began with the run `earlier`.
 */
function clientOf(name: string, firstRunId = 'first', inHistory = firstRunId): Pick<Client, 'workflow'> {
  const described = {
    status: { name },
    workflowId: 'a',
    runId: 'last',
    raw: { workflowExecutionInfo: { firstRunId } },
  };
  const started = { workflowExecutionStartedEventAttributes: { firstExecutionRunId: inHistory } };
  const workflow = {
    options: { namespace: 'default' },
    getHandle: (_: string, runId = 'earlier') => ({
      describe: async () => {
        if (runId === 'earlier') return described;
        throw new WorkflowNotFoundError('unknown', 'a', runId);
      },
    }),
    workflowService: {
      getWorkflowExecutionHistory: (asked: object) => {
        expect(asked).toMatchObject({ namespace: 'default', execution: { workflowId: 'a', runId: 'last' } });
        return Promise.resolve({ history: { events: [started] } });
      },
    },
  };
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

test('a server of Temporal that does not say which run was the first: the history does', async () => {
  expect(await isRunning(clientOf('RUNNING', '', 'first'), owner)).toBe(true);
  expect(await isRunning(clientOf('RUNNING', '', 'other'), owner)).toBe(false);
  expect(await isRunning(clientOf('TERMINATED', '', 'first'), owner)).toBe(false);
});

test.each(['RUNNING', 'COMPLETED'])(
  'by another export of its workflow id that is %s nobody knows of one',
  async (status) => {
    const client = clientOf(status, 'other');
    expect(await ownerState(client, { ...owner, firstRunId: 'earlier' })).toBe('ended');
    expect(await ownerState(client, owner)).toBe('unknown');
    expect(await ownerState(clientOf(status), owner)).toBe(status === 'RUNNING' ? 'running' : 'ended');
  },
);
