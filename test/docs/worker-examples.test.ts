import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startExport } from '../../src/client.ts';
import { spawnOwned } from '../../src/programs/child.ts';
import { projectRoot } from '../../src/programs/project.ts';
import { startCollector } from '../support/collector.ts';
import { listenOnLoopback } from '../support/listen.ts';
import { temporalEnv } from '../support/real-worker.ts';
import { scrape, sumOf } from '../support/scrape.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'worker-examples-'));
  stack = await startStack({ workers: false, servers: { hospital: { patients: 3, pollsUntilReady: 1 } } });
  await writeFile(join(folder, 'fhir-bulk-export.yaml'), stringify(stack.config));
});
afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the worker of an example while it exports, and then stops it as an operator does. */
async function withWorker(name: string, env: NodeJS.ProcessEnv, whileItRuns = async () => {}): Promise<void> {
  const own = { ...process.env, ...temporalEnv(stack), BULK_EXPORT_CONFIG: join(folder, 'fhir-bulk-export.yaml') };
  const stdio = process.env['TEST_LOG'] === undefined ? 'ignore' : 'inherit';
  const worker = spawnOwned(process.execPath, [join(projectRoot, `dist/test/docs/examples/${name}.js`)], {
    env: { ...own, ...env },
    stdio,
  });
  const exited = once(worker, 'exit');
  try {
    const started = await startExport(stack.client, { server: 'hospital', level: 'system' }, { workflowId: name });
    expect((await started.result()).status).toBe('complete');
    await whileItRuns();
  } finally {
    worker.kill('SIGTERM');
  }
  expect((await exited)[0]).toBe(0);
}

test('docs/metrics.md: the worker has our metrics, in buckets of ours', async () => {
  // A port that was free a moment ago.
  const server = createServer();
  const address = `127.0.0.1:${await listenOnLoopback(server)}`;
  await new Promise((resolve) => server.close(resolve));
  await withWorker('metered-worker', { METRICS_ADDRESS: address }, async () => {
    const samples = await scrape(address);
    expect(sumOf(samples, 'fhir_bulk_export_files_total', { server: 'hospital' })).toBeGreaterThan(0);
    // The SDK's own buckets end at a minute, in milliseconds.
    const bounds = samples
      .filter(({ name }) => name === 'fhir_bulk_export_manifest_seconds_bucket')
      .map(({ labels }) => labels['le']);
    expect(bounds).toContain('3600');
  });
});

test('docs/traces.md: the spans of the worker and of its requests reach the collector', async () => {
  const collector = await startCollector();
  try {
    await withWorker('traced-worker', { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const spans = collector.spans();
    const run = spans.find(({ name }) => name === 'RunWorkflow:bulkExport');
    expect(run).toBeDefined();
    const activity = spans.find(({ name }) => name === 'RunActivity:kickOff');
    expect(activity).toMatchObject({ traceId: run?.traceId, parentSpanId: run?.spanId });
    expect(spans.find(({ name }) => name === 'kick-off')).toMatchObject({ parentSpanId: activity?.spanId });
  } finally {
    await collector.close();
  }
});
