import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startExport } from '../../src/client.ts';
import type { Workers } from '../../src/workers.ts';
import { createWorkers } from '../../src/workers.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, startStack } from '../support/stack.ts';

const NAMESPACE = 'bare';

let stack: Stack;
let connection: NativeConnection;
let workers: Workers;
let ended: Promise<void>;

beforeAll(async () => {
  stack = await startStack({ servers: { hospital: { patients: 3, pollsUntilReady: 0 } }, workers: false });
  await stack.client.connection.workflowService.registerNamespace({
    namespace: NAMESPACE,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  connection = await NativeConnection.connect({ address: stack.temporal.address });
  const options = {
    connection,
    namespace: NAMESPACE,
    config: stack.config,
    workflowBundle: BUNDLE,
    limits: SHORT_LIMITS,
  };
  // A namespace is known to all parts of the server after some seconds.
  workers = await vi.waitFor(() => createWorkers(options), { timeout: 30_000, interval: 1000 });
  ended = workers.run();
});
afterAll(async () => {
  workers.shutdown();
  await ended;
  await connection.close();
  await stack.close();
});

test('a namespace without the search attributes does not keep an export from running', async () => {
  const client = new Client({ connection: stack.client.connection, namespace: NAMESPACE });
  const request = { server: 'hospital', level: 'system', parameters: { _type: 'Patient' } } as const;
  const started = await startExport(client, request, { workflowId: 'bare' });
  expect((await started.result()).files).toBe(1);
  const { searchAttributes } = await started.handle.describe();
  expect(Object.keys(searchAttributes)).not.toContain('FhirServer');
});
