import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { context, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { WorkflowClientInterceptor } from '@temporalio/client';
import { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { traceStarts } from '../../src/client.ts';
import type { Workers } from '../../src/hosting/index.ts';
import { createWorkers, traceIds } from '../../src/hosting/index.ts';
import { runSpans } from '../../src/telemetry/run-spans.ts';
import { TRACE_HEADER } from '../../src/telemetry/trace-context.ts';
import type { nightly } from '../hosting/host/workflows.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { TRACED, startStack } from '../support/stack.ts';
import { HISTORIES, readHistory } from '../workflows/record-histories.ts';

/** A service with workflows and a tracer provider of its own. */
const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({
  idGenerator: traceIds,
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
const workflowsPath = fileURLToPath(new URL('../hosting/host/workflows.ts', import.meta.url));
const TASK_QUEUE = 'analytics';

let stack: Stack;
let connection: NativeConnection;
let workers: Workers;
let ended: Promise<void>;

beforeAll(async () => {
  provider.register();
  stack = await startStack({ workers: false, servers: { hospital: { patients: 3, pollsUntilReady: 0 } } });
  stack.config.servers['hospital']!.maxConcurrentExports = 1;
  connection = await NativeConnection.connect({ address: stack.temporal.address });
  const { namespace } = stack.temporal;
  const { config } = stack;
  const limits = SHORT_LIMITS;
  workers = await createWorkers({
    connection,
    namespace,
    config,
    limits,
    workflowsPath,
    taskQueue: TASK_QUEUE,
    traces: true,
  });
  ended = workers.run();
});
afterAll(async () => {
  workers.shutdown();
  await ended;
  await connection.close();
  await stack.close();
});

/** Runs a workflow of the service, with an export as its child; gives the id of the first run. */
async function run(interceptor: WorkflowClientInterceptor, groupId?: string): Promise<string> {
  const { namespace } = stack.client.options;
  const client = new Client({
    connection: stack.client.connection,
    namespace,
    interceptors: { workflow: [interceptor] },
  });
  const of = groupId === undefined ? ({ level: 'system' } as const) : ({ level: 'group', groupId } as const);
  const started = await client.workflow.start<typeof nightly>('nightly', {
    taskQueue: TASK_QUEUE,
    workflowId: `nightly-${groupId}`,
    args: [{ server: 'hospital', parameters: { _type: 'Patient' }, ...of }],
  });
  await started.result();
  return started.firstExecutionRunId;
}

const spans = (traceId: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
const idOf = (some: readonly ReadableSpan[], name: string): string | undefined =>
  some.find((span) => span.name === name)?.spanContext().spanId;
const parentOf = (some: readonly ReadableSpan[], name: string): string | undefined =>
  some.find((span) => span.name === name)?.parentSpanContext?.spanId;

test("by a service's own provider: its span, its workflow, the export that this starts as a child, and requests", async () => {
  const caller = trace.getTracer('service').startSpan('call');
  await context.with(trace.setSpan(context.active(), caller), () => run(traceStarts()));
  caller.end();
  const ours = spans(caller.spanContext().traceId);
  const lineage = ['call', 'StartWorkflow:nightly', 'RunWorkflow:nightly', 'RunWorkflow:bulkExport'];
  for (const [position, name] of lineage.entries())
    expect([name, parentOf(ours, name)]).toEqual([
      name,
      position === 0 ? undefined : idOf(ours, lineage[position - 1]!),
    ]);
  for (const [activity, request] of Object.entries({
    kickOff: 'kick-off',
    pollStatus: 'status',
    downloadFiles: 'file',
  })) {
    expect(parentOf(ours, `RunActivity:${activity}`)).toBe(idOf(ours, 'RunWorkflow:bulkExport'));
    expect(parentOf(ours, request)).toBe(idOf(ours, `RunActivity:${activity}`));
  }
});

const writing = (carrier: unknown): WorkflowClientInterceptor => ({
  startWithDetails: (input, next) =>
    next({ ...input, headers: { [TRACE_HEADER]: defaultPayloadConverter.toPayload(carrier) } }),
});

test.each<[string, unknown]>([
  ['b', 5],
  ['c', { traceparent: '00-xyz', baggage: 'patient=4711' }],
])('a header that is none counts for nothing: %s', async (groupId, carrier) => {
  const traceId = (await run(writing(carrier), groupId)).replaceAll('-', '');
  expect(parentOf(spans(traceId), 'RunWorkflow:bulkExport')).toBe(idOf(spans(traceId), 'RunWorkflow:nightly'));
});

test('a caller that is not sampled has no spans below it', async () => {
  const before = exporter.getFinishedSpans().length;
  await run(writing({ traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` }), 'd');
  expect(exporter.getFinishedSpans().slice(before)).toEqual([]);
});

test('a span that its caller names by TRACEPARENT', async () => {
  await run(traceStarts(`00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`), 'e');
  expect(parentOf(spans('c'.repeat(32)), 'StartWorkflow:nightly')).toBe('d'.repeat(16));
  expect(idOf(spans('c'.repeat(32)), 'RunWorkflow:bulkExport')).toBeDefined();
});

test('gates of servers, which live for ever, are no trace', () => {
  const names = new Set(exporter.getFinishedSpans().map(({ name }) => name));
  expect(names).toContain('RunActivity:askGate');
  expect([...names].filter((name) => /exportGate|EarlierGate|GoneExports/.test(name))).toEqual([]);
});

test('what began without traces replays with them', async () => {
  const names = (await readdir(HISTORIES)).filter((name) => name.endsWith('.json'));
  const histories = await Promise.all(names.map(readHistory));
  const bundle = { workflowBundle: { codePath: TRACED }, sinks: runSpans };
  const replayed: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories(bundle, histories)) {
    expect([workflowId, error]).toEqual([workflowId, undefined]);
    replayed.push(workflowId);
  }
  expect(replayed).toHaveLength(names.length);
}, 240_000);
