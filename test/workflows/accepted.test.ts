import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { getExport, startAndAwaitAccepted } from '../../src/client.ts';
import type { ExportRequest } from '../../src/contract.ts';
import { runsOf } from '../support/runs.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;

const LONG = { timeout: 60_000 };
const REQUEST: ExportRequest = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } };
const answer = (status: number, retryAfter: string) =>
  ({ kind: 'answer', status, headers: { 'Retry-After': retryAfter } }) as const;

beforeAll(async () => {
  stack = await startStack({
    // The real threshold is 4,096 events.
    temporalArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'],
    servers: { hospital: { patients: 5, pollsUntilReady: 0, retryAfter: '' } },
  });
  hospital = stack.servers['hospital'] as SampleServer;
});
afterAll(() => stack.close());
afterEach(() => hospital.faults.clear());

const begin = (request: ExportRequest = REQUEST, workflowId = `accepted-${randomUUID()}`) =>
  startAndAwaitAccepted(stack.client, request, { workflowId });

test('who starts an export learns that the server has accepted it', async () => {
  hospital.faults.add({ route: 'status', do: answer(202, '600') });
  const started = await begin();
  expect(hospital.journal.filter(({ route }) => route === 'kickOff')).toHaveLength(1);
  const accepted = await started.accepted();
  expect(accepted).toMatchObject({ job: 1, adopted: false });
  expect(accepted.location).toContain(started.handle.workflowId);
  expect(Date.parse(accepted.acceptedAt ?? '')).toBeGreaterThan(0);
  expect(JSON.stringify(accepted)).not.toContain('http');
  await expect.poll(async () => (await started.progress()).polls, LONG).toBe(1);
  await started.pollNow();
  await started.result();
});

test.each<[string, ExportRequest, number | undefined]>([
  ['InvalidRequest', { ...REQUEST, level: 'nonsense' } as never, undefined],
  ['UnknownServer', { ...REQUEST, server: 'elsewhere' }, undefined],
  ['KickOffRejected', REQUEST, 400],
])('or why not: %s', async (code, request, status) => {
  if (status !== undefined) hospital.faults.add({ route: 'kickOff', do: answer(status, '') });
  await expect(begin(request)).rejects.toMatchObject({
    name: 'ExportFailure',
    code,
    message: expect.stringMatching(new RegExp(`^${code}: `)),
  });
});

test('also when the export goes on in new runs meanwhile', async () => {
  hospital.faults.add({ route: 'kickOff', times: Infinity, do: answer(503, '600') });
  const workflowId = `accepted-${randomUUID()}`;
  const beginning = begin(REQUEST, workflowId);
  const other = getExport(stack.client, workflowId);
  const isThere = () =>
    other.progress().then(
      ({ trouble }) => trouble,
      () => undefined,
    );
  await expect.poll(isThere, LONG).toContain('503');
  await expect
    .poll(async () => {
      await other.pollNow();
      return (await runsOf(stack.client, workflowId)).length;
    }, LONG)
    .toBeGreaterThan(1);
  hospital.faults.clear();
  await other.pollNow();
  expect((await (await beginning).result()).status).toBe('complete');
});

test('also when it is cancelled before', async () => {
  hospital.faults.add({ route: 'kickOff', times: Infinity, do: answer(503, '600') });
  const workflowId = `accepted-${randomUUID()}`;
  const beginning = expect(begin(REQUEST, workflowId)).rejects.toMatchObject({ code: 'Cancelled' });
  const other = getExport(stack.client, workflowId);
  const isThere = () =>
    other.progress().then(
      ({ trouble }) => trouble,
      () => undefined,
    );
  await expect.poll(isThere, LONG).toContain('503');
  await other.cancel();
  await beginning;
  await expect(other.accepted()).rejects.toMatchObject({ code: 'Cancelled' });
});

test('a job of an earlier run is one that the server has accepted', async () => {
  const request = { ...REQUEST, destination: { path: `adopted-${randomUUID()}` } };
  hospital.faults.add({ route: 'status', times: Infinity, do: answer(503, '') });
  await expect((await begin(request)).result()).rejects.toMatchObject({ code: 'ServerUnavailable' });
  hospital.faults.clear();
  const started = await begin(request);
  expect(await started.accepted()).toMatchObject({ job: 1, adopted: true });
  await started.result();
});
