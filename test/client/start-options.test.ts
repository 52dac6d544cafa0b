import type { Client } from '@temporalio/client';
import { afterEach, expect, test, vi } from 'vitest';
import { startAndAwaitAccepted, startExport } from '../../src/client.ts';

afterEach(() => vi.unstubAllEnvs());

const REQUEST = { server: 'hospital', level: 'patient' } as const;
/** As a caller gives them who has settings of which none is set. */
const UNSET = { taskQueue: undefined, staticSummary: undefined, workflowIdConflictPolicy: undefined };

test.each([
  ['of which none is given', {}],
  ['that are given as undefined', UNSET],
])('options %s have their defaults', async (_, options) => {
  vi.stubEnv('BULK_EXPORT_TASK_QUEUE', 'ours');
  const started: unknown[] = [];
  const given = { workflowId: 'one', ...options } as { workflowId: string };
  const workflow = {
    start: (_type: string, one: unknown) => {
      started.push(one);
      return Promise.resolve({ workflowId: 'one' });
    },
    executeUpdateWithStart: (_: string, { startWorkflowOperation: { options: one } }: never) => {
      started.push(one);
      return Promise.reject(new Error('enough'));
    },
  };
  const client = { workflow } as unknown as Client;
  await startExport(client, REQUEST, given);
  await expect(startAndAwaitAccepted(client, REQUEST, given)).rejects.toThrow('enough');
  const defaults = { workflowId: 'one', taskQueue: 'ours', staticSummary: expect.stringContaining('hospital') };
  expect(started).toMatchObject([defaults, { ...defaults, workflowIdConflictPolicy: 'FAIL' }]);
});
