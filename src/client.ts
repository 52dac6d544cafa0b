/** The typed client for other services. */
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import type { BulkExportWorkflow, StartedExport } from './client/started-export.ts';
import { startedExport } from './client/started-export.ts';
import type { ExportRequest } from './contract.ts';
import { BULK_EXPORT } from './contract.ts';
import { taskQueueOf } from './process/task-queue.ts';

export { ExportFailure, UpdateRefused } from './client/export-failure.ts';
export type { EndCode } from './client/export-failure.ts';
export type { FollowOptions } from './client/follow.ts';
export type { BulkExportWorkflow, StartedExport } from './client/started-export.ts';
export type * from './contract.ts';
export { BULK_EXPORT, FAILURES, POLL_NOW, PROGRESS, SEARCH_ATTRIBUTES, TASK_QUEUE, WARNINGS } from './contract.ts';
export type * from './steering-contract.ts';

/** Options of Temporal; `taskQueue` is that of the workers. Default: `BULK_EXPORT_TASK_QUEUE`, else `fhir-bulk-export`. */
export type StartOptions = { workflowId: string } & Partial<WorkflowStartOptions<BulkExportWorkflow>>;

/**
 * Starts an export.
 *
 * @param client a client of the namespace in which the workers are
 * @param options the workflow id is the deduplication key: starting the same id while it runs throws
 *   `WorkflowExecutionAlreadyStartedError`
 */
export async function startExport(
  client: Client,
  request: ExportRequest,
  options: StartOptions,
): Promise<StartedExport> {
  const handle = await client.workflow.start<BulkExportWorkflow>(BULK_EXPORT, {
    taskQueue: taskQueueOf(process.env),
    ...options,
    args: [request],
  });
  return startedExport(handle);
}

/**
 * An export that somebody else has started, or that has ended. Asks nothing yet: one that does not exist shows when
 * something is asked of it.
 */
export function getExport(client: Client, workflowId: string): StartedExport {
  return startedExport(client.workflow.getHandle<BulkExportWorkflow>(workflowId));
}
