import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { StartedExport } from '../../src/client.ts';
import { getExport } from '../../src/client.ts';
import { BULK_EXPORT, TASK_QUEUE } from '../../src/contract.ts';

/**
 * Starts an export as a schedule does.
 *
 * @param last the result of the last one of the schedule that was complete; undefined: there is none
 */
export async function startAfter(
  client: Client,
  workflowId: string,
  request: object,
  last: unknown,
): Promise<StartedExport> {
  const payload = (value: unknown) => ({ payloads: [defaultPayloadConverter.toPayload(value)] });
  await client.workflowService.startWorkflowExecution({
    namespace: client.options.namespace,
    workflowId,
    requestId: workflowId,
    workflowType: { name: BULK_EXPORT },
    taskQueue: { name: TASK_QUEUE },
    input: payload(request),
    ...(last === undefined ? {} : { lastCompletionResult: payload(last) }),
  });
  return getExport(client, workflowId);
}
