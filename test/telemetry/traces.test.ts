import { context, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { JournalEntry } from '../../dev/sample-server/index.ts';
import type { StartedExport } from '../../src/client.ts';
import { startExport, traceStarts } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { runSpans } from '../../src/telemetry/run-spans.ts';
import { TRACE_HEADER } from '../../src/telemetry/trace-context.ts';
import type { Collector, ReceivedSpan } from '../support/collector.ts';
import { runsOf } from '../support/runs.ts';
import { findSecrets } from '../support/secret-scan.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, TRACED } from '../support/stack.ts';
import type { TracedWorker } from '../support/traced-worker.ts';
import { startTracedWorker } from '../support/traced-worker.ts';

/** What only the request knows. */
const PATIENT = 'zq-patient-4711';

let traced: TracedWorker;
let stack: Stack;
let collector: Collector;
const callers = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(callers)] });

beforeAll(async () => {
  provider.register();
  traced = await startTracedWorker();
  ({ stack, collector } = traced);
}, 120_000);
afterAll(async () => {
  await traced.close();
  await provider.shutdown();
});

/** The spans of a trace, when those of all runs of its exports are there. */
async function spansOf(traceId: string, ...exports: string[]): Promise<ReceivedSpan[]> {
  const runs = (await Promise.all(exports.map((id) => runsOf(stack.client, id)))).flat().length;
  const found = (): ReceivedSpan[] => collector.spans().filter((span) => span.traceId === traceId);
  await vi.waitFor(() => expect(found().filter(isRun)).toHaveLength(runs), { timeout: 60_000, interval: 200 });
  return found();
}

const isRun = ({ name }: ReceivedSpan): boolean => name.startsWith('RunWorkflow:');
const firstRunOf = async (workflowId: string): Promise<string> =>
  (await stack.client.workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo?.firstRunId ?? '';
const sorted = (numbers: unknown[]): number[] => numbers.map(Number).toSorted((a, b) => a - b);
const answered = (journal: readonly JournalEntry[], route: JournalEntry['route']): JournalEntry[] =>
  journal.filter((entry) => entry.route === route);

describe('one trace from the caller to each request', () => {
  let caller: { traceId: string; spanId: string };
  let spans: ReceivedSpan[];

  beforeAll(async () => {
    const { secured, large } = stack.servers;
    secured!.faults.add({ route: 'file', do: { kind: 'redirect', to: 'same' } });
    secured!.faults.add({ route: 'status', do: { kind: 'answer', status: 503 } });
    large!.faults.add({
      route: 'file',
      match: ({ url }) => url.includes('Observation'),
      do: { kind: 'breakBody', afterBytes: 3_000_000 },
    });
    const span = trace.getTracer('caller').startSpan('nightly');
    caller = span.spanContext();
    await context.with(trace.setSpan(context.active(), span), async () => {
      const { connection, options } = stack.client;
      const interceptors = { workflow: [traceStarts()] };
      const client = new Client({ connection, namespace: options.namespace, interceptors });
      const begin = (workflowId: string, request: Partial<ExportRequest>): Promise<StartedExport> =>
        startExport(client, { level: 'system', ...request } as ExportRequest, { workflowId });
      const started = await Promise.all([
        begin(`of-${PATIENT}`, { server: 'secured', parameters: { _typeFilter: `Patient?_id=${PATIENT}` } }),
        begin('large', { server: 'large', parameters: { _type: ['Observation', 'Patient', 'Encounter'] } }),
      ]);
      await Promise.all(started.map((one) => one.result()));
    });
    span.end();
    spans = await spansOf(caller.traceId, `of-${PATIENT}`, 'large');
  }, 240_000);

  test('spans have one above the other: caller, start, run, activity, request', () => {
    const starts = callers.getFinishedSpans().filter(({ name }) => name === 'StartWorkflow:bulkExport');
    expect(starts.map((span) => span.parentSpanContext?.spanId)).toEqual([caller.spanId, caller.spanId]);
    const runs = spans.filter(isRun);
    expect(new Set(runs.map(({ parentSpanId }) => parentSpanId))).toEqual(
      new Set(starts.map((span) => span.spanContext().spanId)),
    );
    const isActivity = ({ name }: ReceivedSpan): boolean => name.startsWith('RunActivity:');
    const ids = (some: ReceivedSpan[]): string[] => some.map(({ spanId }) => spanId);
    const activities = spans.filter(isActivity);
    for (const { parentSpanId } of activities) expect(ids(runs)).toContain(parentSpanId);
    const requests = spans.filter((span) => !isRun(span) && !isActivity(span));
    expect(requests.length).toBeGreaterThan(15);
    for (const { name, parentSpanId, kind } of requests) {
      expect([name, ids(activities).includes(parentSpanId)]).toEqual([name, true]);
      expect(kind).toBe(3);
    }
    expect(new Set(activities.map(({ name }) => name))).toEqual(
      new Set(
        'openExport refreshToken kickOff pollStatus planDownloads downloadFiles settleExport deleteJob'
          .split(' ')
          .map((name) => `RunActivity:${name}`),
      ),
    );
  });

  test('as many requests of each kind as the servers have seen, in whichever thread', () => {
    const kinds = { kickOff: 'kick-off', status: 'status', file: 'file', delete: 'delete', token: 'token' } as const;
    for (const server of ['secured', 'large']) {
      const { journal } = stack.servers[server]!;
      for (const [route, name] of Object.entries(kinds)) {
        const seen = answered(journal, route as keyof typeof kinds).map(({ status }) => status);
        const told = spans
          .filter(({ name: one, attributes }) => one === name && attributes['fhir.server'] === server)
          .map(({ attributes }) => attributes['http.response.status_code']);
        expect([server, name, sorted(told)]).toEqual([server, name, sorted(seen)]);
      }
    }
    expect(answered(stack.servers['secured']!.journal, 'token').length).toBeGreaterThan(0);
    expect(spans.filter(({ attributes }) => attributes['http.response.status_code'] === 307)).toHaveLength(1);
  });

  test('what is told of a request: host, kind, status, bytes, and why it broke', () => {
    const [broken, ...others] = spans.filter(
      ({ status, attributes }) => status === 2 && attributes['http.response.status_code'] === 200,
    );
    expect(others).toEqual([]);
    const { port } = new URL(stack.servers['large']!.baseUrl);
    expect(broken).toMatchObject({ name: 'file', status: 2 });
    expect(broken?.attributes).toEqual({
      'fhir.server': 'large',
      'fhir.request': 'file',
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'http.response.body.size': 3_000_000,
      'server.address': '127.0.0.1',
      'server.port': Number(port),
      'error.type': expect.stringMatching(/^[A-Z_]+$/) as string,
    });
    const outage = spans.find(({ attributes }) => attributes['http.response.status_code'] === 503);
    expect(outage).toMatchObject({ name: 'status', status: 2, attributes: { 'error.type': '503' } });
    const stored = answered(stack.servers['large']!.journal, 'file').filter(({ finished }) => finished);
    const sizes = spans
      .filter(
        ({ name, status, attributes }) => name === 'file' && status !== 2 && attributes['fhir.server'] === 'large',
      )
      .map(({ attributes }) => attributes['http.response.body.size']);
    expect(sorted(sizes)).toEqual(sorted(stored.map(({ bytesSent }) => bytesSent)));
    expect(spans[0]?.resource).toMatchObject({ 'service.name': 'fhir-bulk-export', 'service.version': '0.1.0' });
  });
});

test('an export that nobody traces has a trace of its own: all runs of the chain under the id of the first', async () => {
  const { plain } = stack.servers;
  const busy = { status: 202, headers: { 'Retry-After': '1' } };
  plain!.faults.add({ route: 'status', times: 15, do: { kind: 'answer', ...busy } });
  await stack.run({ server: 'plain', parameters: { _type: 'Patient' } }, 'untraced');
  const runs = await runsOf(stack.client, 'untraced');
  expect(runs.length).toBeGreaterThan(1);
  const first = (await firstRunOf('untraced')).replaceAll('-', '');
  const spans = await spansOf(first, 'untraced');
  const [root, ...later] = spans.filter(isRun);
  expect(root).toMatchObject({ spanId: first.slice(16), parentSpanId: '' });
  for (const run of later) expect(run.parentSpanId).toBe(root?.spanId);
  expect(spans.filter(({ name }) => name === 'status')).toHaveLength(answered(plain!.journal, 'status').length);
  expect(root?.duration).toBeGreaterThan(1000);
});

test('a failure is told by its code: its message may quote the server', async () => {
  const detail = `${PATIENT} is nobody`;
  const outcome = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'invalid', diagnostics: detail }],
  };
  stack.servers['refusing']!.faults.add({
    route: 'kickOff',
    do: { kind: 'answer', status: 400, body: JSON.stringify(outcome) },
  });
  const failed = await stack.start({ server: 'refusing' }, 'refused');
  const error = (await failed.result().catch((error: unknown) => error)) as Error;
  expect(`${error.message} ${String((error.cause as Error | undefined)?.message)}`).toContain(detail);
  const spans = await spansOf((await firstRunOf('refused')).replaceAll('-', ''), 'refused');
  for (const name of ['RunWorkflow:bulkExport', 'RunActivity:kickOff']) {
    const span = spans.find((one) => one.name === name);
    expect(span).toMatchObject({ status: 2, attributes: { 'error.type': 'KickOffRejected' } });
  }
});

test('nothing in them but kinds and hosts: no path, query, id of a patient, name of an export, token or secret', () => {
  const { clientSecret, authorization } = traced;
  const sent = collector.bodies.join('\n');
  const secrets = [clientSecret, ...authorization.issued, PATIENT, 'zq-patient', 'untraced'];
  expect(authorization.issued.length).toBeGreaterThan(0);
  expect(findSecrets(sent, secrets)).toEqual([]);
  expect(findSecrets(traced.worker.logs(), [clientSecret])).toEqual([]);
  const texts = collector
    .spans()
    .flatMap((span) => [
      span.name,
      ...Object.values(span.attributes).map(String),
      ...Object.values(span.resource).map(String),
    ]);
  expect(texts.filter((text) => /[/?%\s]/.test(text))).toEqual([]);
  expect(collector.spans().flatMap(({ events }) => events)).toEqual([]);
  const keys = new Set(collector.spans().flatMap(({ attributes }) => Object.keys(attributes)));
  expect([...keys].toSorted()).toEqual([
    'error.type',
    'fhir.request',
    'fhir.server',
    'http.request.method',
    'http.response.body.size',
    'http.response.status_code',
    'server.address',
    'server.port',
    'temporal.attempt',
    'temporalRunID',
  ]);
  for (const { headers } of Object.values(stack.servers).flatMap(({ journal }) => journal))
    expect(Object.keys(headers).filter((name) => /trace|baggage|b3/.test(name))).toEqual([]);
});

test('what began with traces replays without them, and with them', async () => {
  for (const workflowId of ['large', 'untraced', 'refused']) {
    for (const events of await runsOf(stack.client, workflowId)) {
      const scheduled = events.map((event) => event.activityTaskScheduledEventAttributes).filter((one) => one != null);
      for (const { header } of scheduled) expect(Object.keys(header?.fields ?? {})).toEqual([TRACE_HEADER]);
      await Worker.runReplayHistory({ workflowBundle: { codePath: BUNDLE } }, { events });
      await Worker.runReplayHistory({ workflowBundle: { codePath: TRACED }, sinks: runSpans }, { events });
    }
  }
});

test('a collector that takes nothing costs spans alone, and the worker still stops', async () => {
  const { worker } = traced;
  collector.answer = 'hang';
  await stack.run({ server: 'plain', parameters: { _type: 'Patient' } }, 'silent');
  collector.answer = 503;
  await stack.run({ server: 'plain', parameters: { _type: 'Patient' } }, 'refusing');
  await vi.waitFor(() => expect(worker.logs()).toContain('traces cannot be exported'), { timeout: 60_000 });
  collector.answer = 'hang';
  worker.child.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(worker.logs()).toContain('worker stopped');
});
