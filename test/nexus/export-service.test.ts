import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, NexusOperationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { HandlerError } from 'nexus-rpc';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import type { ExportReport } from '../../src/contract.ts';
import type { NexusExportInput } from '../../src/nexus/index.ts';
import { takeNamespace } from '../support/shared-temporal.ts';
import type { Stack } from '../support/stack.ts';
import { startStack } from '../support/stack.ts';

let stack: Stack;
let hospital: SampleServer;
/** Of the callers: their namespace is another one. */
let client: Client;
let connection: NativeConnection;
let worker: Worker;
let ended: Promise<void>;
let removeEndpoint: () => Promise<unknown>;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 3, pollsUntilReady: 0 } } });
  hospital = stack.servers['hospital'] as SampleServer;
  const { namespace } = await takeNamespace(inject('temporalNamespaces'));
  client = new Client({ connection: stack.client.connection, namespace });
  const { operatorService } = stack.client.connection;
  const { endpoint } = await operatorService.createNexusEndpoint({
    spec: {
      name: 'hospital-exports',
      target: { worker: { namespace: stack.temporal.namespace ?? '', taskQueue: 'fhir-bulk-export' } },
    },
  });
  removeEndpoint = () =>
    operatorService.deleteNexusEndpoint({ id: endpoint?.id ?? '', version: endpoint?.version ?? null });
  connection = await NativeConnection.connect({ address: stack.temporal.address });
  worker = await Worker.create({
    connection,
    namespace,
    taskQueue: 'callers',
    workflowsPath: fileURLToPath(new URL('../../docs/examples/nexus-caller.ts', import.meta.url)),
  });
  ended = worker.run();
});
afterAll(async () => {
  worker.shutdown();
  await ended;
  await connection.close();
  await removeEndpoint();
  await stack.close();
});
beforeEach(() => {
  hospital.faults.clear();
  hospital.journal.length = 0;
});

const REQUEST = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;
const to = (route: string) => hospital.journal.filter((request) => request.route === route);
const deletes = () => hospital.journal.filter(({ method }) => method === 'DELETE');
const keepBusy = () => hospital.faults.add({ route: 'status', times: Infinity, do: { kind: 'answer', status: 202 } });

type Caller = (input: NexusExportInput) => Promise<ExportReport>;
let called = 0;
function call(input: NexusExportInput): Promise<WorkflowHandle<Caller>> {
  return client.workflow.start<Caller>('cohort', {
    taskQueue: 'callers',
    workflowId: `caller-${++called}`,
    args: [input],
  });
}

/** What the caller's workflow has got of its operation that failed. */
async function causeOf(result: Promise<unknown>): Promise<unknown> {
  const error = await result.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(WorkflowFailedError);
  const { cause } = error as WorkflowFailedError;
  return cause instanceof NexusOperationFailure ? cause.cause : cause;
}

test('a workflow of another namespace gets the report', async () => {
  const report: ExportReport = await (await call({ ...REQUEST, key: 'reported' })).result();
  expect(report).toMatchObject({ status: 'complete', files: 1, resources: 3 });
  const { staticSummary } = await stack.client.workflow.getHandle('reported').describe();
  expect(await staticSummary()).toBe('hospital · system · Patient');
});

test('it gets the code of a failure', async () => {
  const cause = await causeOf((await call({ ...REQUEST, server: 'elsewhere' })).result());
  expect(cause).toBeInstanceOf(ApplicationFailure);
  expect(cause).toMatchObject({ type: 'UnknownServer' });
});

test('cancelling the operation deletes the job', async () => {
  keepBusy();
  const run = await call({ ...REQUEST, key: 'cancelled' });
  await expect.poll(() => to('status').length, { timeout: 60_000 }).toBeGreaterThan(0);
  await run.cancel();
  expect(await causeOf(run.result())).toBeInstanceOf(CancelledFailure);
  expect(deletes()).toHaveLength(1);
  expect((await stack.client.workflow.getHandle('cancelled').describe()).status.name).toBe('CANCELLED');
});

test('operations with the same key and the same request wait for one export', async () => {
  keepBusy();
  const first = await call({ ...REQUEST, key: 'daily' });
  await expect.poll(() => to('status').length, { timeout: 60_000 }).toBeGreaterThan(0);
  // The order of fields means nothing.
  const { server, ...rest } = REQUEST;
  const second = await call({ ...rest, key: 'daily', server });
  await expect.poll(() => hasStarted(second), { timeout: 60_000 }).toBe(true);
  hospital.faults.clear();
  const [one, other] = await Promise.all([first.result(), second.result()]);
  expect(other).toEqual(one);
  expect(to('kickOff')).toHaveLength(1);
});

test('a key that runs another request is refused, and that request goes on', async () => {
  keepBusy();
  const first = await call({ ...REQUEST, key: 'taken' });
  await expect.poll(() => to('status').length, { timeout: 60_000 }).toBeGreaterThan(0);
  const second = await call({ ...REQUEST, parameters: { _type: 'Observation' }, key: 'taken' });
  const cause = await causeOf(second.result());
  expect(cause).toBeInstanceOf(HandlerError);
  expect((cause as HandlerError).message).toContain('key: taken is of another request that is still running');
  hospital.faults.clear();
  expect(await first.result()).toMatchObject({ status: 'complete' });
});

test.each(['fhir-bulk-export.gate.hospital', 'a/b', ''])('the key "%s" is refused', async (key) => {
  const cause = await causeOf((await call({ ...REQUEST, key })).result());
  expect((cause as HandlerError).message).toContain('InvalidRequest: key: must have letters');
});

/** Whether the workers have taken a caller's operation. */
async function hasStarted(run: WorkflowHandle): Promise<boolean> {
  const { events = [] } = await run.fetchHistory();
  return (events ?? []).some((event) => event.nexusOperationStartedEventAttributes != null);
}
