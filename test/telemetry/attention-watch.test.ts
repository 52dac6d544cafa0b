import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TASK_QUEUE } from '../../src/contract.ts';
import { OldestJobs } from '../../src/telemetry/oldest-jobs.ts';
import { watchAttention } from '../../src/telemetry/attention-watch.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 4, pollsUntilReady: 0 }, other: { patients: 4 } } });
});
afterAll(() => stack.close());

test('an export that waits for an operator counts as long as it does, also for a worker that starts meanwhile', async () => {
  const counts: Record<string, number> = {};
  const report = (server: string, exports: number): void => void (counts[server] = exports);
  const { workflowService } = stack.client;
  const at = {
    workflowService,
    namespace: stack.client.options.namespace,
    taskQueue: TASK_QUEUE,
    servers: ['hospital', 'other'],
  };
  const watch = watchAttention(at, report, { interval: 200 });
  await vi.waitFor(() => expect(counts).toEqual({ hospital: 0, other: 0 }), { timeout: 60_000 });
  stack.servers['hospital']?.faults.add({ route: 'file', do: { kind: 'answer', status: 400 } });
  const started = await stack.start({ onIncomplete: 'wait' });
  await vi.waitFor(() => expect(counts).toEqual({ hospital: 1, other: 0 }), { timeout: 60_000 });
  await stack.stopWorkers();
  watch.end();
  const later: Record<string, number> = {};
  const again = watchAttention(at, (server, exports) => void (later[server] = exports), { interval: 200 });
  await vi.waitFor(() => expect(later).toEqual({ hospital: 1, other: 0 }), { timeout: 60_000 });
  const elsewhere: unknown[] = [];
  const others = watchAttention({ ...at, taskQueue: "it's \\'another" }, (...one) => elsewhere.push(one), {
    interval: 200,
  });
  await vi.waitFor(() => expect(elsewhere).toContainEqual(['other', 0]), { timeout: 60_000 });
  others.end();
  expect(elsewhere).not.toContainEqual(['hospital', 1]);
  await stack.startWorkers();
  await started.giveUp();
  await expect(started.result()).rejects.toThrow('IncompleteExport');
  await vi.waitFor(() => expect(later).toEqual({ hospital: 0, other: 0 }), { timeout: 60_000 });
  again.end();
  expect(counts).toEqual({ hospital: 1, other: 0 });
});

test('as long as an export runs that sets no search attributes, nobody is said not to wait', async () => {
  await stack.stopWorkers();
  const started = await stack.start({ parameters: { _type: 'Patient' } });
  const counts: Record<string, number> = {};
  const watch = watchAttention(
    {
      workflowService: stack.client.workflowService,
      namespace: stack.client.options.namespace,
      taskQueue: TASK_QUEUE,
      servers: ['hospital'],
    },
    (server, exports) => void (counts[server] = exports),
    // It has had all the time.
    { interval: 200, set: -3_600_000 },
  );
  await vi.waitFor(() => expect(counts).toEqual({ hospital: NaN }), { timeout: 60_000 });
  await stack.startWorkers();
  await started.result();
  await vi.waitFor(() => expect(counts).toEqual({ hospital: 0 }), { timeout: 60_000 });
  watch.end();
});

test('a job is in progress from its first poll until its manifest is there', async () => {
  const [progress, over] = [vi.spyOn(OldestJobs.prototype, 'inProgress'), vi.spyOn(OldestJobs.prototype, 'over')];
  const begun = Date.now();
  const faults = stack.servers['hospital']?.faults;
  faults?.add({ route: 'status', do: { kind: 'answer', status: 503 } });
  faults?.add({ route: 'status', skip: 1, do: { kind: 'answer', status: 202, headers: { 'Retry-After': '1' } } });
  await stack.run({ parameters: { _type: 'Patient' } });
  const { calls } = progress.mock;
  expect(calls).toMatchObject([
    ['hospital', expect.any(String), expect.any(Number), 0],
    ['hospital', calls[0]?.[1], calls[0]?.[2], 1000],
  ]);
  expect(calls[0]?.[2]).toBeGreaterThanOrEqual(begun);
  expect(over.mock.calls).toEqual([['hospital', calls[0]?.[1]]]);
  faults?.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 413 } });
  expect((await stack.fail({ parameters: { _type: 'Patient' } })).code).toBe('ExportFailed');
  expect(over.mock.calls.at(-1)?.[1]).not.toBe(calls[0]?.[1]);
  vi.restoreAllMocks();
});

test('where Temporal does not say it any more, nothing is claimed; where it never did, nothing is said', async () => {
  const told: unknown[] = [];
  const answers = [{ count: 0 }, { count: 0 }, undefined];
  let asked = 0;
  const workflowService = {
    countWorkflowExecutions: async () => {
      asked++;
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined) throw new Error('unavailable');
      return answer;
    },
  };
  const at = { workflowService, namespace: 'x', taskQueue: 'x', servers: ['a'] };
  const watch = watchAttention(at, (...one) => void told.push(one), { interval: 10 });
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(2));
  watch.end();
  expect(told.slice(0, 2)).toEqual([
    ['a', 0],
    ['a', NaN],
  ]);
  told.length = asked = 0;
  const never = watchAttention(at, (...one) => void told.push(one), { interval: 10 });
  await vi.waitFor(() => expect(asked).toBeGreaterThan(2));
  never.end();
  expect(told).toEqual([]);
});
