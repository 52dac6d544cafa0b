import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { headersOf } from '../../src/telemetry/collector-headers.ts';
import { tracer } from '../../src/telemetry/otel-context.ts';
import type { Traces } from '../../src/telemetry/traces-exporter.ts';
import { startTraces } from '../../src/telemetry/traces-exporter.ts';
import type { Collector } from '../support/collector.ts';
import { startCollector } from '../support/collector.ts';

let folder: string;
let headersFile: string;
let collector: Collector;
let traces: Traces;
const warn = vi.fn();
const info = vi.fn();

// One process has one exporter; so have these tests, in their order.
beforeAll(async () => {
  Object.assign(process.env, {
    OTEL_SERVICE_NAME: 'exports-a',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
  });
  Object.assign(process.env, { OTEL_BSP_SCHEDULE_DELAY: '50', OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
  folder = await mkdtemp(join(tmpdir(), 'traces-'));
  headersFile = join(folder, 'headers');
  await writeFile(headersFile, 'x-key=first%2C1\n');
  collector = await startCollector();
  traces = startTraces({ url: `${collector.url}/`, headersFile }, { warn, info });
});
beforeEach(() => {
  collector.bodies.length = collector.headers.length = 0;
  warn.mockClear();
  info.mockClear();
});
afterAll(async () => {
  await collector.close();
  await rm(folder, { recursive: true });
});

async function exported(name: string): Promise<void> {
  tracer.startSpan(name).end();
  await vi.waitFor(() => expect(collector.bodies.join()).toContain(name), { timeout: 30_000 });
}

test('headers come from a file, and what the variables of OpenTelemetry say counts', async () => {
  await exported('one');
  expect(collector.headers.at(-1)?.['x-key']).toBe('first,1');
  expect(collector.spans()[0]?.resource).toMatchObject({
    'service.name': 'exports-a',
    'deployment.environment': 'test',
  });
  expect(Object.keys(collector.spans()[0]?.resource ?? {}).filter((key) => /^(process|host|os)\./.test(key))).toEqual(
    [],
  );
  expect(warn).not.toHaveBeenCalled();
});

test('headers that have changed are read again', async () => {
  await writeFile(headersFile, 'x-key=second\nx-other = 2\n');
  await exported('two');
  expect(collector.headers.at(-1)).toMatchObject({ 'x-key': 'second', 'x-other': '2' });
});

test('a collector that fails is told of once, without its words; and when it works again', async () => {
  collector.answer = 400;
  for (const name of ['three', 'four']) await exported(name);
  await vi.waitFor(() => expect(warn).toHaveBeenCalled(), { timeout: 30_000 });
  collector.answer = 200;
  await exported('five');
  await vi.waitFor(() => expect(info).toHaveBeenCalled(), { timeout: 30_000 });
  expect(warn.mock.calls).toEqual([[{ reason: 'HTTP 400' }, expect.any(String)]]);
  expect(info).toHaveBeenCalledOnce();
});

test('headers that cannot be read are told of, and cost spans alone', async () => {
  await rm(headersFile);
  tracer.startSpan('six').end();
  await vi.waitFor(() => expect(warn).toHaveBeenCalled(), { timeout: 30_000 });
  expect(collector.bodies).toEqual([]);
  await writeFile(headersFile, 'x-key=third');
  await exported('seven');
});

test('the end waits for a silent collector, but not for ever', async () => {
  collector.answer = 'hang';
  tracer.startSpan('eight').end();
  await traces.close();
  expect(collector.bodies.join()).toContain('eight');
});

test.each([
  ['api-key=abc', { 'api-key': 'abc' }],
  ['a=1,b=x%20y', { a: '1', b: 'x y' }],
  ['a=1\n\nauthorization=Basic%20YTpi=\n', { a: '1', authorization: 'Basic YTpi=' }],
])('headers: %s', (text, headers) => {
  expect(headersOf(text)).toEqual(headers);
});

test.each(['secret', 'a=1,Authorization: Bearer secret', 'a=%zz-secret'])('headers: %s is refused', (text) => {
  expect(() => headersOf(text)).toThrow(/entry [12] is not name=value/);
  expect(() => headersOf(text)).not.toThrow(/secret/);
});
