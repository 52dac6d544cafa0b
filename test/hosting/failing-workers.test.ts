import { setTimeout as delay } from 'node:timers/promises';
import type { WorkerPlugin } from '@temporalio/worker';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { filesTaskQueue } from '../../src/contract.ts';
import { createWorkers } from '../../src/hosting/index.ts';
import type { Stack } from '../support/stack.ts';
import { BUNDLE, quiet, startStack } from '../support/stack.ts';

const TASK_QUEUE = 'failing';
const QUEUE_OF_FILES = filesTaskQueue('hospital', TASK_QUEUE);
const REASON = 'what really went wrong';

let stack: Stack;

beforeAll(async () => {
  quiet();
  stack = await startStack({ workers: false, servers: { hospital: { patients: 1 }, other: { patients: 1 } } });
});
afterAll(() => stack.close());

async function workersWith(plugin: Omit<WorkerPlugin, 'name'>) {
  const connection = await NativeConnection.connect({ address: stack.temporal.address });
  const workers = createWorkers({
    connection,
    namespace: stack.temporal.namespace,
    taskQueue: TASK_QUEUE,
    config: stack.config,
    workflowBundle: { codePath: BUNDLE },
    plugins: [{ name: 'fails', ...plugin }],
  });
  return { connection, workers };
}

test('the error of a worker that fails comes out when the others have stopped', async () => {
  let isStopped = false;
  const { connection, workers } = await workersWith({
    runWorker: async (worker, next) => {
      const running = next(worker);
      switch (worker.options.taskQueue) {
        case QUEUE_OF_FILES:
          worker.shutdown();
          await running;
          throw new Error(REASON);
        case TASK_QUEUE:
          await running;
          // As if an activity took so long.
          await delay(2000);
          isStopped = true;
          return;
        default:
          await running;
      }
    },
  });
  await expect((await workers).run()).rejects.toThrow(REASON);
  expect(isStopped).toBe(true);
  // Refused while a worker still runs with it.
  await connection.close();
}, 60_000);

test('workers that have been made before another cannot be give the connection back', async () => {
  const { connection, workers } = await workersWith({
    configureWorker: (options) => {
      if (options.taskQueue === QUEUE_OF_FILES) throw new Error(REASON);
      return options;
    },
  });
  await expect(workers).rejects.toThrow(REASON);
  await connection.close();
}, 60_000);
