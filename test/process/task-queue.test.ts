import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { taskQueueOf } from '../../src/process/task-queue.ts';
import type { RealWorker } from '../support/real-worker.ts';
import { startRealWorker, temporalEnv } from '../support/real-worker.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';
import { killWorker } from '../support/worker-processes.ts';

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));

describe('the name of the task queue', () => {
  test.each([
    [undefined, 'fhir-bulk-export'],
    ['', 'fhir-bulk-export'],
    ['bulk.staging_2', 'bulk.staging_2'],
    ['a'.repeat(200), 'a'.repeat(200)],
  ])('%j is %s', (value, name) => {
    expect(taskQueueOf({ BULK_EXPORT_TASK_QUEUE: value })).toBe(name);
  });

  test.each([
    [' staging', 'a letter or digit first'],
    ['/_sys/x', 'a letter or digit first'],
    ['zwei wörter', 'have letters, digits'],
    ['a'.repeat(201), 'at most 200'],
    ['fhir-bulk-export.files.hospital', "could be the queue of a server's files"],
  ])('%j is refused', (value, fault) => {
    expect(() => taskQueueOf({ BULK_EXPORT_TASK_QUEUE: value })).toThrow(/^BULK_EXPORT_TASK_QUEUE: /);
    expect(() => taskQueueOf({ BULK_EXPORT_TASK_QUEUE: value })).toThrow(fault);
  });
});

describe('two deployments in one namespace', () => {
  let stack: Stack;
  const workers: RealWorker[] = [];

  beforeAll(async () => {
    stack = await startStack({ workers: false, servers: { hospital: { patients: 5, pollsUntilReady: 0 } } });
    for (const queue of ['staging', '']) {
      workers.push(await startRealWorker(stack, { BULK_EXPORT_TASK_QUEUE: queue }));
    }
    await vi.waitFor(
      () => {
        for (const { logs } of workers) expect(logs()).toContain('worker started');
      },
      { timeout: 20_000 },
    );
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(async () => {
    await Promise.all(workers.map(({ child }) => killWorker(child)));
    await stack.close();
  });

  test.each([
    ['staging', 'staging', 'staging.files.hospital'],
    ['', 'fhir-bulk-export', 'fhir-bulk-export.files.hospital'],
  ])('an export that is started for "%s" stays on %s', async (variable, main, files) => {
    vi.stubEnv('BULK_EXPORT_TASK_QUEUE', variable);
    const { handle, result } = await stack.start({ parameters: { _type: 'Patient' } });
    await result();
    const events = (await runsOf(stack.client, handle.workflowId)).flat();
    const scheduled = events.flatMap((event) => event.activityTaskScheduledEventAttributes ?? []);
    const queues = new Map(scheduled.map(({ activityType, taskQueue }) => [activityType?.name, taskQueue?.name]));
    expect(queues.get('openExport')).toBe(main);
    expect(queues.get('downloadFiles')).toBe(files);
    const identities = events.flatMap((event) => event.activityTaskStartedEventAttributes?.identity ?? []);
    const worker = workers[variable === '' ? 1 : 0] as RealWorker;
    expect(new Set(identities.map((identity) => Number(identity.split('@')[0])))).toEqual(new Set([worker.child.pid]));
  });

  test('npm run check asks the workers of its own deployment', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'check', 'hospital'], {
      env: { ...process.env, ...temporalEnv(stack), BULK_EXPORT_TASK_QUEUE: 'staging' },
    });
    expect(stdout).toContain('destination local');
    const found = [];
    for await (const { taskQueue } of stack.client.workflow.list({ query: "WorkflowType = 'checkServer'" })) {
      found.push(taskQueue);
    }
    expect(found).toEqual(['staging']);
  });

  test('a name that cannot be one ends a worker at once, with the variable named', async () => {
    const { exited, logs } = await startRealWorker(stack, { BULK_EXPORT_TASK_QUEUE: 'a b' });
    expect(await exited).toBe(1);
    expect(logs()).toContain('BULK_EXPORT_TASK_QUEUE: task queues have letters');
  });
});
