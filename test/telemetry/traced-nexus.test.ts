import { fileURLToPath } from 'node:url';
import { context, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { Client } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createExportSchedule, traceStarts } from '../../src/client.ts';
import type { ExportReport } from '../../src/contract.ts';
import { createWorkers, traceIds, traceOptions } from '../../src/hosting/index.ts';
import type { NexusExportInput } from '../../src/nexus/index.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  idGenerator: traceIds,
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
const REQUEST = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;

let stack: Stack;
let client: Client;
let connection: NativeConnection;
const running: { workers: { shutdown(): void }; ended: Promise<void> }[] = [];

beforeAll(async () => {
  provider.register();
  // The server that all files share runs no schedules.
  stack = await startStack({
    workers: false,
    temporalArgs: [],
    servers: { hospital: { patients: 3, pollsUntilReady: 0 } },
  });
  const { namespace } = stack.client.options;
  const { operatorService } = stack.client.connection;
  const target = { worker: { namespace, taskQueue: 'fhir-bulk-export' } };
  await operatorService.createNexusEndpoint({ spec: { name: 'hospital-exports', target } });
  const interceptors = { workflow: [traceStarts()] };
  client = new Client({ connection: stack.client.connection, namespace, interceptors });
  connection = await NativeConnection.connect({ address: stack.temporal.address });
  const { config } = stack;
  const run = (workers: { run(): Promise<void>; shutdown(): void }): void =>
    void running.push({ workers, ended: workers.run() });
  run(await createWorkers({ connection, namespace, config, limits: SHORT_LIMITS, traces: true }));
  const workflowsPath = fileURLToPath(new URL('../../docs/examples/nexus-caller.ts', import.meta.url));
  const callers = (taskQueue: string, options: Partial<WorkerOptions>): Promise<Worker> =>
    Worker.create({ connection, namespace, taskQueue, workflowsPath, ...options });
  run(await callers('traced', traceOptions()));
  run(await callers('untraced', {}));
});
afterAll(async () => {
  for (const { workers } of running) workers.shutdown();
  await Promise.all(running.map(({ ended }) => ended));
  await connection.close();
  await stack.close();
  await provider.shutdown();
});

/** Runs a workflow that calls the service. */
async function call(taskQueue: string, key: string): Promise<void> {
  await client.workflow.execute<(input: NexusExportInput) => Promise<ExportReport>>('cohort', {
    taskQueue,
    workflowId: `caller-${key}`,
    args: [{ ...REQUEST, key }],
  });
}

const firstRunOf = async (workflowId: string): Promise<string> =>
  (await client.workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo?.firstRunId ?? '';
const spansOf = (traceId: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);

/** The names from a span up to the first one of its trace. */
function lineageOf(spans: readonly ReadableSpan[], name: string): string[] {
  const names: string[] = [];
  let span = spans.find((one) => one.name === name);
  while (span !== undefined) {
    names.push(span.name);
    const above = span.parentSpanContext?.spanId;
    span = spans.find((one) => one.spanContext().spanId === above);
  }
  return names;
}

test("an operation of Nexus is a part of its caller's trace, to each request", async () => {
  const caller = trace.getTracer('service').startSpan('call');
  await context.with(trace.setSpan(context.active(), caller), () => call('traced', 'one'));
  caller.end();
  expect(lineageOf(spansOf(caller.spanContext().traceId), 'kick-off')).toEqual([
    'kick-off',
    'RunActivity:kickOff',
    'RunWorkflow:bulkExport',
    'StartWorkflow:bulkExport',
    'RunWorkflow:cohort',
    'StartWorkflow:cohort',
    'call',
  ]);
});

test('an operation whose caller names no span begins a trace of its own', async () => {
  await call('untraced', 'two');
  const traceId = (await firstRunOf('two')).replaceAll('-', '');
  expect(lineageOf(spansOf(traceId), 'kick-off')).toEqual([
    'kick-off',
    'RunActivity:kickOff',
    'RunWorkflow:bulkExport',
  ]);
});

test('so does each export of a schedule, whoever made it', async () => {
  const caller = trace.getTracer('service').startSpan('operator');
  const { handle, trigger } = await context.with(trace.setSpan(context.active(), caller), async () => {
    const options = { scheduleId: 'nightly', spec: { cronExpressions: ['0 0 1 1 *'] } };
    const schedule = await createExportSchedule(client, REQUEST, options);
    await schedule.trigger();
    return schedule;
  });
  const ids = async (): Promise<string[]> =>
    (await handle.describe()).info.recentActions.map(({ action }) => action.workflow.workflowId);
  await expect.poll(ids, { timeout: 30_000 }).toHaveLength(1);
  await client.workflow.getHandle((await ids())[0] as string).result();
  await trigger();
  await expect.poll(ids, { timeout: 30_000 }).toHaveLength(2);
  for (const id of await ids()) {
    await client.workflow.getHandle(id).result();
    const lineage = lineageOf(spansOf((await firstRunOf(id)).replaceAll('-', '')), 'kick-off');
    expect(lineage).toEqual(['kick-off', 'RunActivity:kickOff', 'RunWorkflow:bulkExport']);
  }
  caller.end();
  expect(spansOf(caller.spanContext().traceId).map(({ name }) => name)).toEqual(['operator']);
});
