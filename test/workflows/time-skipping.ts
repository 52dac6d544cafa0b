import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Context } from '@temporalio/activity';
import type { WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { inject, vi } from 'vitest';
import { startTestServer } from '../../dev/temporal/test-server.ts';
import type { RunningTemporal } from '../support/stack.ts';
import { quiet } from '../support/stack.ts';

/** What activities are given, in place of what the workflow says. */
type Given = (type: string, args: unknown[]) => unknown[];

/**
 * Starts Temporal's test server, which skips time while a result is waited for and no activity runs. Everything in this
 * process that asks for the time gets that server's from now on.
 */
export async function startTimeSkippingServer(given: Given = (_type, args) => args): Promise<RunningTemporal> {
  quiet();
  const server = await startTestServer(inject('testServer'));
  const options = { server: { type: 'existing' }, namespace: 'default', supportsTimeSkipping: true };
  const environment = await withServer({ ...options, address: server.address });
  followTime(given);
  return {
    address: server.address,
    client: environment.client,
    stop: async () => {
      await environment.connection.close();
      await environment.nativeConnection.close();
      await server.stop();
    },
  };
}

/**
 * What the SDK's own functions call in the end. They would start the server themselves, and give it 5 s, in which a JVM
 * may not have started on a busy machine.
 */
const withServer = (options: object): Promise<TestWorkflowEnvironment> =>
  (TestWorkflowEnvironment as unknown as { create(all: object): Promise<TestWorkflowEnvironment> }).create(options);

/**
 * Sets the clock at the start of each activity to the time of the Temporal server. Between activities time is skipped,
 * and within one it need not go on. So the worker, the FHIR server and the authorization server agree with the workflow
 * on what time it is, and a token that was not renewed in time is refused.
 */
function followTime(given: Given): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  const { create } = Worker;
  vi.spyOn(Worker, 'create').mockImplementation((options: WorkerOptions) =>
    create.call(Worker, {
      ...options,
      interceptors: {
        activity: [
          () => ({
            inbound: {
              execute: (input, next) => {
                const { currentAttemptScheduledTimestampMs: now, activityType } = Context.current().info;
                vi.setSystemTime(now);
                return next({ ...input, args: given(activityType, input.args) });
              },
            },
          }),
        ],
      },
    }),
  );
}
