import type { Client } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { expect, test } from 'vitest';
import { outcomeOf } from '../../src/cli/export/follow.ts';
import { ExportFailure } from '../../src/client.ts';

const failed = (cause: Error) => new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE);
const typed = (type?: string) => ApplicationFailure.nonRetryable('no', type);

test.each([
  [typed('UnknownServer'), 'UnknownServer'],
  // Of a payload codec, or an interceptor of the host.
  [typed('CodecError'), 'Failed'],
  [typed('toString'), 'Failed'],
  [typed(), 'Failed'],
  [new CancelledFailure('no'), 'Cancelled'],
  [new TerminatedFailure('no'), 'Terminated'],
  [new TimeoutFailure('no', undefined, TimeoutType.START_TO_CLOSE), 'TimedOut'],
  [new Error('no'), 'Failed'],
])('%s has the code %s, in the client and in commands', async (cause, code) => {
  expect(new ExportFailure(failed(cause)).code).toBe(code);
  const client = {
    workflow: { getHandle: () => ({ result: () => Promise.reject(failed(cause)) }) },
    withAbortSignal: (_: AbortSignal, work: () => Promise<unknown>) => work(),
  } as unknown as Client;
  const outcome = await outcomeOf(client, 'one', new AbortController().signal);
  const isStopped = code === 'Cancelled' || code === 'Terminated';
  expect(outcome).toEqual(isStopped ? { kind: 'cancelled' } : { kind: 'failed', code, message: 'no' });
});
