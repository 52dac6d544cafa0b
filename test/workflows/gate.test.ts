import type { HistoryAndWorkflowId } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FaultRule, JournalEntry, SampleServer } from '../../dev/sample-server/index.ts';
import { gateId } from '../../src/gate-contract.ts';
import { slotsOf } from '../support/gates.ts';
import { expectOneAfterAnother } from '../support/jobs-of-journal.ts';
import { replayAll } from '../support/replay.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
beforeAll(async () => {
  const patients = { patients: 20, linesPerFile: 20, pollsUntilReady: 1 };
  stack = await startStack({
    // The real threshold is 4,096 events.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=40'],
    // What the server's one busy answer did is seen when all is over.
    limits: { ...SHORT_LIMITS, gateQuiet: 600_000 },
    servers: {
      slots: { ...patients, maxJobs: 1 },
      slow: patients,
      shared: patients,
      obeyed: { ...patients, patients: 60, linesPerFile: 5 },
    },
    entries: {
      slots: { maxConcurrentExports: 1 },
      slow: { maxConcurrentExports: 1 },
      shared: { maxDownloadsInAll: 6, maxConcurrentDownloads: 8 },
      obeyed: { maxDownloadsInAll: 8, maxConcurrentDownloads: 8 },
    },
  });
});
afterAll(() => stack.close());

const at = (server: string): SampleServer => stack.servers[server] as SampleServer;

/** Replays every run of workflows; gives how many they are, and the largest of their payloads. */
async function replay(...workflowIds: string[]): Promise<{ runs: number; largest: number; events: number }> {
  let [largest, most] = [0, 0];
  const histories: HistoryAndWorkflowId[] = [];
  const query = workflowIds.map((workflowId) => `WorkflowId = "${workflowId}"`).join(' OR ');
  for await (const { workflowId, runId } of stack.client.workflow.list({ query })) {
    const history = await stack.client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push({ history, workflowId });
    most = Math.max(most, history.events?.length ?? 0);
    for (const { workflowExecutionStartedEventAttributes: start } of history.events ?? []) {
      for (const { data } of start?.input?.payloads ?? []) largest = Math.max(largest, data?.length ?? 0);
    }
  }
  expect(histories.length).toBeGreaterThanOrEqual(workflowIds.length);
  expect(await replayAll(histories)).toEqual(histories.map(() => undefined));
  return { runs: histories.length, largest, events: most };
}

describe('invariant 8: nothing grows without bound', () => {
  test('a gate continues in new runs while exports wait, forgets nobody, ends when nobody needs it, and starts again', async () => {
    const request = { server: 'slots', parameters: { _type: 'Patient' } } as const;
    const started = await Promise.all(
      Array.from({ length: 8 }, (_, number) => stack.start(request, `waiting-${number}`)),
    );
    await Promise.all(started.map((one) => one.result()));
    expect(expectOneAfterAnother(at('slots').journal)).toBe(8);
    const gate = stack.client.workflow.getHandle(gateId('slots'));
    await expect.poll(async () => (await gate.describe()).status.name, { timeout: 60_000 }).toBe('COMPLETED');
    const { runs, largest, events } = await replay(gateId('slots'));
    expect(runs).toBeGreaterThan(1);
    expect(events).toBeLessThan(150);
    expect(largest).toBeLessThan(64 * 1024);
    await replay(...started.map(({ handle }) => handle.workflowId));
    // An earlier gate that has ended by itself keeps nobody waiting.
    await stack.run(request, 'later');
    expect((await slotsOf(stack.client, 'slots')).grantsFrom).toBeUndefined();
    expect(expectOneAfterAnother(at('slots').journal)).toBe(9);
  }, 180_000);

  test('an export that its server keeps waiting for long continues in new runs while it tells its gate', async () => {
    const later = { kind: 'answer', status: 202, headers: { 'Retry-After': '3600' } } as const;
    at('slow').faults.add({ route: 'status', do: later });
    const started = await stack.start({ server: 'slow', parameters: { _type: 'Patient' } }, 'slow');
    await expect.poll(async () => (await started.progress()).polls, { timeout: 60_000 }).toBe(1);
    const { nextPollAt } = await started.progress();
    const handle = stack.client.workflow.getHandle('slow');
    const first = (await handle.describe()).runId;
    await expect.poll(async () => (await handle.describe()).runId, { timeout: 60_000 }).not.toBe(first);
    expect(await started.progress()).toMatchObject({ phase: 'waiting', polls: 1, nextPollAt });
    await handle.signal('pollNow');
    expect((await started.result()).status).toBe('complete');
    await replay('slow');
  }, 180_000);
});

describe('downloads of all exports together', () => {
  test('are never more than the limit, and fewer while the server is busy', async () => {
    let [now, most] = [0, 0];
    at('shared').faults.add({
      route: 'file',
      times: Infinity,
      match: () => {
        now++;
        most = Math.max(most, now);
        setTimeout(() => now--, 150);
        return true;
      },
      do: { kind: 'delay', ms: 150 },
    });
    at('shared').faults.add({ route: 'file', skip: 8, do: { kind: 'answer', status: 429 } });
    const started = await Promise.all([1, 2, 3].map((number) => stack.start({ server: 'shared' }, `shared-${number}`)));
    await Promise.all(started.map((one) => one.result()));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(6);
    // Half, and less where the answer to the message was lost, and the gate told once more.
    expect((await slotsOf(stack.client, 'shared')).downloadsNow).toBeLessThanOrEqual(3);
    await replay(...started.map(({ handle }) => handle.workflowId));
  }, 180_000);

  test('are as few as the gate says also in an export that the server was never busy for', async () => {
    const server = at('obeyed');
    const slowly: FaultRule = { route: 'file', times: Infinity, do: { kind: 'delay', ms: 150 } };
    server.faults.add(slowly);
    const calm = await stack.start({ server: 'obeyed' }, 'calm');
    const files = () => server.journal.filter(({ route, jobId }) => route === 'file' && jobId === 'job-1');
    await expect.poll(() => files().length, { timeout: 60_000 }).toBeGreaterThan(3);
    const isOther = ({ jobId }: JournalEntry): boolean => jobId !== 'job-1';
    server.faults.add({ route: 'file', match: isOther, times: Infinity, do: { kind: 'answer', status: 429 } });
    const busy = await stack.start({ server: 'obeyed', parameters: { _type: 'Patient' } }, 'busy');
    const few = 2;
    const allowed = async () => (await slotsOf(stack.client, 'obeyed')).downloadsNow;
    await expect.poll(allowed, { timeout: 60_000 }).toBeLessThanOrEqual(few);
    server.faults.clear();
    server.faults.add(slowly);
    const inFlight = () => files().filter(({ finished }) => !finished).length;
    // What it had begun ends first.
    let from = files().length;
    const sinceThen = (): number => {
      if (inFlight() > few) from = files().length;
      return files().length - from;
    };
    await expect.poll(sinceThen, { timeout: 60_000, interval: 10 }).toBeGreaterThan(8);
    server.faults.clear();
    await Promise.all([calm.cancel(), busy.cancel()]);
    await Promise.allSettled([calm.result(), busy.result()]);
  }, 180_000);

  test('are fewer after a busy answer about something else than a file', async () => {
    at('shared').faults.clear();
    at('shared').faults.add({ route: 'delete', do: { kind: 'answer', status: 429 } });
    const before = (await slotsOf(stack.client, 'shared')).downloadsNow ?? 0;
    await stack.run({ server: 'shared', parameters: { _type: 'Patient' } }, 'deleting');
    const after = (await slotsOf(stack.client, 'shared')).downloadsNow ?? 0;
    // A gate that nobody has needed for a while begins anew.
    expect(after).toBeLessThan(before === 1 ? 2 : Math.max(before, 6));
  }, 120_000);
});
