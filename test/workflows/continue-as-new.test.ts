import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import { runsOf } from '../support/runs.ts';
import { startExport } from '../../src/client.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

beforeAll(async () => {
  stack = await startStack({
    // The real threshold is 4,096 events.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
    servers: {
      hospital: { patients: 40, linesPerFile: 20, pollsUntilReady: 14, retryAfter: '', countInManifest: false },
    },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());

describe('invariant 8: nothing grows without bound', () => {
  test('an export whose history fills up goes on in a new run, while it waits and while it downloads', async () => {
    hospital.faults.add({ route: 'file', skip: 20, times: 2, do: { kind: 'answer', status: 500 } });
    const started = await startExport(
      stack.client,
      { server: 'hospital', level: 'system', prefer: ['handling=lenient'], parameters: { _unheardOf: 'x' } },
      { workflowId: 'long', memo: { by: 'its caller' } },
    );
    const report = await started.result();
    const carried: string[] = [];
    for await (const { runId } of stack.client.workflow.list({ query: 'WorkflowId = "long"' })) {
      const { events } = await stack.client.workflow.getHandle('long', runId).fetchHistory();
      const start = events?.find(
        ({ workflowExecutionStartedEventAttributes }) => workflowExecutionStartedEventAttributes != null,
      );
      const [, state] = start?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
      if (state?.data != null)
        carried.push((JSON.parse(Buffer.from(state.data).toString()) as { phase: string }).phase);
    }
    expect(carried.length).toBeGreaterThan(2);
    expect(new Set(carried)).toEqual(new Set(['waiting', 'downloading']));
    const { location, transactionTime, status } = report;
    await expectExactFiles(location, hospital);
    const { memo, searchAttributes } = await started.handle.describe();
    expect(memo).toEqual({ by: 'its caller', location, transactionTime });
    expect(searchAttributes).toMatchObject({ ExportLevel: ['system'], ExportOutcome: [status] });
    expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(1);
    expect(report.warnings.map(({ code }) => code)).toContain('ParameterIgnored');
    const files = hospital.journal
      .filter(({ route, status }) => route === 'file' && status === 200)
      .map(({ url }) => url);
    expect(new Set(files).size).toBe(files.length);
  });

  test('a wait is carried over: no poll comes early', async () => {
    hospital.journal.length = 0;
    hospital.faults.add({
      route: 'status',
      skip: 12,
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '4' } },
    });
    await stack.run({ parameters: { _type: 'Patient' } });
    const polls = hospital.journal.filter(({ route }) => route === 'status');
    expect((polls[13]?.at ?? 0) - (polls[12]?.at ?? 0)).toBeGreaterThanOrEqual(4000);
  });

  test('a poll that an operator has asked for is carried over', async () => {
    hospital.journal.length = 0;
    hospital.faults.add({ route: 'status', do: { kind: 'delay', ms: 12_000 } });
    hospital.faults.add({
      route: 'status',
      do: { kind: 'answer', status: 202, headers: { 'Retry-After': '300' } },
    });
    const workflowId = `poked-${randomUUID()}`;
    const started = await stack.start({ parameters: { _type: 'Patient' } }, workflowId);
    const polls = () => hospital.journal.filter(({ route }) => route === 'status').length;
    // A request that came before the first poll would be that poll.
    await expect.poll(polls, { timeout: 60_000, interval: 20 }).toBe(1);
    // So many that the history is full when the answer comes.
    await Promise.all(Array.from({ length: 60 }, () => started.pollNow()));
    await expect.poll(polls, { timeout: 100_000 }).toBeGreaterThan(1);
    const [first] = await runsOf(stack.client, workflowId);
    expect(first?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes).toBeTruthy();
    expect((await started.result()).status).toBe('complete');
  }, 180_000);
});
