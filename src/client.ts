/** The typed client for other services. */
import type { Client, WorkflowStartOptions } from '@temporalio/client';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { awaitAccepted } from './client/await-accepted.ts';
import type { BulkExportWorkflow, StartedExport } from './client/started-export.ts';
import { startedExport } from './client/started-export.ts';
import { summaryOf } from './client/summary-of.ts';
import type { ExportRequest } from './contract.ts';
import { BULK_EXPORT } from './contract.ts';
import type { Accepted } from './steering-contract.ts';
import { ACCEPTED } from './steering-contract.ts';
import { taskQueueOf } from './process/task-queue.ts';

export { createExportSchedule } from './client/export-schedule.ts';
export type { ExportSchedule, ExportScheduleOptions } from './client/export-schedule.ts';
export { ExportFailure, UpdateRefused } from './client/export-failure.ts';
export type { EndCode } from './client/export-failure.ts';
export type { FollowOptions } from './client/follow.ts';
export { traceStarts } from './client/trace-starts.ts';
export type { BulkExportWorkflow, StartedExport } from './client/started-export.ts';
export { payloadEncryption } from './codec/payload-encryption.ts';
export type * from './contract.ts';
export { BULK_EXPORT, FAILURES, POLL_NOW, PROGRESS, SEARCH_ATTRIBUTES, TASK_QUEUE, WARNINGS } from './contract.ts';
export type * from './files-contract.ts';
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
    ...withDefaults(request, options),
    args: [request],
  });
  return startedExport(handle);
}

/**
 * Starts an export, and waits until the server has accepted it.
 *
 * @param options as those of {@link startExport}. An export that runs under this id is waited for with
 *   `workflowIdConflictPolicy: 'USE_EXISTING'`
 * @throws ExportFailure when the export fails before
 */
export async function startAndAwaitAccepted(
  client: Client,
  request: ExportRequest,
  options: StartOptions,
): Promise<StartedExport> {
  const start = new WithStartWorkflowOperation<BulkExportWorkflow>(BULK_EXPORT, {
    ...withDefaults(request, options),
    workflowIdConflictPolicy: options.workflowIdConflictPolicy ?? 'FAIL',
    args: [request],
  });
  await awaitAccepted(
    () => start.workflowHandle(),
    () =>
      client.workflow.executeUpdateWithStart<BulkExportWorkflow, Accepted, []>(ACCEPTED, {
        startWorkflowOperation: start,
      }),
  );
  return startedExport(await start.workflowHandle());
}

/**
 * An export that somebody else has started, or that has ended. Asks nothing yet: one that does not exist shows when
 * something is asked of it.
 */
export function getExport(client: Client, workflowId: string): StartedExport {
  return startedExport(client.workflow.getHandle<BulkExportWorkflow>(workflowId));
}

/** An option that is given as undefined has its default, too. */
function withDefaults(request: ExportRequest, options: StartOptions) {
  return {
    ...options,
    taskQueue: options.taskQueue ?? taskQueueOf(process.env),
    staticSummary: options.staticSummary ?? summaryOf(request),
  };
}
