import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { request } from 'undici';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startExport } from '../src/client.ts';
import type { ExportReport, ExportRequest } from '../src/contract.ts';
import { temporalEnv } from './support/real-worker.ts';
import type { Stack } from './support/stack.ts';
import { startStack } from './support/stack.ts';

const run = promisify(execFile);
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 3, pollsUntilReady: 0 } } });
});
afterAll(() => stack.close());

/** Runs Temporal's CLI on the stack. */
const temporal = (...args: string[]) =>
  run(inject('temporalCli'), args, { env: { ...process.env, ...temporalEnv(stack) } });

const INPUT = { server: 'hospital', level: 'patient', parameters: { _type: ['Patient'] } };

test('with the Temporal CLI', async () => {
  await temporal(
    'workflow',
    'start',
    '--type',
    'bulkExport',
    '--task-queue',
    'fhir-bulk-export',
    '--workflow-id',
    'by-cli',
    '--input',
    JSON.stringify(INPUT),
  );
  const { stdout } = await temporal('workflow', 'result', '--workflow-id', 'by-cli', '-o', 'json');
  expect((JSON.parse(stdout) as { result: ExportReport }).result).toMatchObject({
    status: 'complete',
    files: 1,
    resources: 3,
  });
});

test('the code of a failure is seen in the text output of the CLI', async () => {
  const started = temporal(
    'workflow',
    'execute',
    '--type',
    'bulkExport',
    '--task-queue',
    'fhir-bulk-export',
    '--workflow-id',
    'by-cli-wrong',
    '--input',
    '{"server":"hospital","level":"everything"}',
  );
  await expect(started).rejects.toMatchObject({
    stdout: expect.stringContaining('InvalidRequest: level: must be one of'),
  });
});

test('over the HTTP API', async () => {
  const url = `${stack.temporal.httpUrl}/api/v1/namespaces/${stack.temporal.namespace}/workflows/by-http`;
  const { statusCode, body } = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      workflowType: { name: 'bulkExport' },
      taskQueue: { name: 'fhir-bulk-export' },
      input: [INPUT],
    }),
  });
  expect(statusCode).toBe(200);
  await body.dump();
  expect(await stack.client.workflow.getHandle('by-http').result()).toMatchObject({ status: 'complete', files: 1 });
});

test('with the typed client, where the workflow id is the deduplication key', async () => {
  const started = await stack.start(INPUT as never, 'by-client');
  await expect(stack.start(INPUT as never, 'by-client')).rejects.toThrow('already started');
  expect((await started.result()).byType).toEqual({ Patient: expect.objectContaining({ resources: 3 }) });
});

test('the Web UI says in a line what an export is, unless its starter says something else', async () => {
  const summary = async (request: object, options: object, workflowId: string) => {
    const given = { server: 'hospital', ...request } as ExportRequest;
    const { handle } = await startExport(stack.client, given, { workflowId, ...options });
    const { staticSummary } = await handle.describe();
    return staticSummary();
  };
  const group = { level: 'group', groupId: 'diabetes', parameters: { _type: ['Patient', 'Condition'] } };
  expect(await summary(group, {}, 'summary-1')).toBe('hospital · group diabetes · Patient, Condition');
  expect(await summary({ level: 'system' }, {}, 'summary-2')).toBe('hospital · system · all types');
  expect(await summary(group, { staticSummary: 'nightly' }, 'summary-3')).toBe('nightly');
  const wrong = { level: { toString: 1 }, parameters: { _type: [7, null] } };
  expect(await summary(wrong, {}, 'summary-5')).toBe('hospital · {"toString":1} · 7, null');
  const long = { level: 'system', parameters: { _type: 'é'.repeat(2000) } };
  expect((await summary(long, {}, 'summary-4'))?.length).toBe(120);
});
