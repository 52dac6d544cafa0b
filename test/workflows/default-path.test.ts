import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Workflow } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportReport } from '../../src/contract.ts';
import { BULK_EXPORT, TASK_QUEUE } from '../../src/contract.ts';
import { defaultPath } from '../../src/workflows/default-path.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

describe('the path of an export that names none', () => {
  const ids = { workflowId: 'nightly', originalExecutionRunId: 'r1', firstExecutionRunId: 'r1', attempt: 1 };

  test('is of the workflow id and the first run id, as ever', () => {
    expect(defaultPath(ids)).toBe('nightly/r1');
    expect(defaultPath({ ...ids, workflowId: 'a b/ü.%' })).toBe('a%20b%2F%C3%BC%2E%25/r1');
    expect(defaultPath({ ...ids, originalExecutionRunId: 'r2', continuedFromExecutionRunId: 'r1' })).toBe('nightly/r1');
  });

  test('has segments that every file system takes, the same each time, and different for different ids', () => {
    const long = [`${'患者'.repeat(150)}-1`, `${'患者'.repeat(150)}-2`, 'x'.repeat(201), 'x'.repeat(1000)];
    const paths = long.map((workflowId) => defaultPath({ ...ids, workflowId }));
    for (const [place, path] of paths.entries()) {
      expect((path.split('/')[0] as string).length).toBeLessThanOrEqual(200);
      // Characters that are whole, and the rest as a hash.
      expect(path).toMatch(/^([A-Za-z0-9_-]|%[0-9A-F]{2})+~[0-9a-f]{16}\/r1$/);
      expect(defaultPath({ ...ids, workflowId: long[place] as string })).toBe(path);
    }
    expect(new Set(paths).size).toBe(4);
    expect(defaultPath({ ...ids, workflowId: 'x'.repeat(200) })).toBe(`${'x'.repeat(200)}/r1`);
  });
});

describe('on the real server', () => {
  let stack: Stack;
  let hospital: SampleServer;
  beforeAll(async () => {
    stack = await startStack({ servers: { hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '1' } } });
    hospital = stack.servers['hospital'] as SampleServer;
  });
  afterAll(() => stack.close());
  beforeEach(() => {
    hospital.journal.length = 0;
    hospital.faults.clear();
  });

  const ARGS = [{ server: 'hospital', level: 'system', parameters: { _type: 'Patient' } }];
  const kickOffs = () => hospital.journal.filter(({ route }) => route === 'kickOff').length;
  const runsOf = async (workflowId: string): Promise<{ runId: string; status: string }[]> => {
    const runs = [];
    for await (const { runId, status } of stack.client.workflow.list({ query: `WorkflowId = "${workflowId}"` }))
      runs.push({ runId, status: status.name });
    return runs;
  };

  test('a workflow id of a thousand bytes beyond ASCII', async () => {
    const workflowId = '患'.repeat(333);
    const report = await stack.run({ parameters: { _type: 'Patient' } }, workflowId);
    await expectExactFiles(report.location, hospital);
  });

  test('each run of a cron schedule has a folder of its own', async () => {
    const options = { workflowId: 'cron', taskQueue: TASK_QUEUE, args: ARGS, cronSchedule: '@every 2s' };
    const handle = await stack.client.workflow.start<Workflow>(BULK_EXPORT, options);
    const completed = async () => (await runsOf('cron')).filter(({ status }) => status === 'COMPLETED');
    await expect.poll(async () => (await completed()).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(2);
    await handle.terminate();
    const runs = (await completed()).map(({ runId }) => runId);
    expect((await runsOf('cron')).map(({ status }) => status)).not.toContain('FAILED');
    for (const runId of runs) await expectExactFiles(join(stack.folder, 'cron', runId), hospital);
  });

  test('a run that its retry policy repeats goes on in its folder with its job', async () => {
    hospital.faults.add({
      route: 'status',
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '60' } },
    });
    const handle = await stack.client.workflow.start<Workflow>(BULK_EXPORT, {
      workflowId: 'retried',
      taskQueue: TASK_QUEUE,
      args: ARGS,
      workflowRunTimeout: '8s',
      retry: { maximumAttempts: 3, initialInterval: '100ms' },
    });
    const report = (await handle.result()) as ExportReport;
    expect((await runsOf('retried')).map(({ status }) => status).sort()).toEqual(['COMPLETED', 'TIMED_OUT']);
    await expectExactFiles(report.location, hospital);
    expect(kickOffs()).toBe(1);
    expect(await readdir(dirname(report.location))).toHaveLength(1);
  });

  test('also a run of a cron schedule', async () => {
    hospital.faults.add({
      route: 'status',
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '60' } },
    });
    const handle = await stack.client.workflow.start<Workflow>(BULK_EXPORT, {
      workflowId: 'cron-retried',
      taskQueue: TASK_QUEUE,
      args: ARGS,
      cronSchedule: '@every 1s',
      workflowRunTimeout: '8s',
      retry: { maximumAttempts: 2, initialInterval: '100ms' },
    });
    const completed = async () => (await runsOf('cron-retried')).filter(({ status }) => status === 'COMPLETED');
    await expect.poll(async () => (await completed()).length, { timeout: 40_000 }).toBeGreaterThan(0);
    await handle.terminate();
    const runs = await runsOf('cron-retried');
    // Later ones may have timed out as well, where the machine is slow.
    const first = handle.firstExecutionRunId;
    expect(runs.find(({ runId }) => runId === first)?.status).toBe('TIMED_OUT');
    expect(await readdir(join(stack.folder, 'cron-retried', first))).toContain('manifest.json');
    await expectExactFiles(join(stack.folder, 'cron-retried', first), hospital);
  });
});
