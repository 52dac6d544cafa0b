import type { Client, WorkflowHandle, WorkflowStartOptions } from '@temporalio/client';
import type { ExportProgress, ExportReport, ExportRequest } from './contract.ts';
import { BULK_EXPORT, POLL_NOW, PROGRESS } from './contract.ts';
import { taskQueueOf } from './process/task-queue.ts';

export type * from './contract.ts';
export { BULK_EXPORT, FAILURES, POLL_NOW, PROGRESS, SEARCH_ATTRIBUTES, TASK_QUEUE, WARNINGS } from './contract.ts';

/** The workflow as its callers see it. */
export type BulkExportWorkflow = (request: ExportRequest) => Promise<ExportReport>;

/** An export that has been started. */
export interface StartedExport {
  handle: WorkflowHandle<BulkExportWorkflow>;
  /** Waits for the end; throws `WorkflowFailedError` whose cause has the failure code as its `type`. */
  result(): Promise<ExportReport>;
  progress(): Promise<ExportProgress>;
  pollNow(): Promise<void>;
  /** Stops the export, deletes the server's job and removes unfinished parts. */
  cancel(): Promise<void>;
}

/**
 * Starts an export.
 *
 * @param client a client of the namespace in which the workers are
 * @param options the workflow id is the deduplication key: starting the same id while it runs throws
 *   `WorkflowExecutionAlreadyStartedError`. `taskQueue` is that of the workers; default: the environment's
 *   `BULK_EXPORT_TASK_QUEUE`, else `fhir-bulk-export`
 */
export async function startExport(
  client: Client,
  request: ExportRequest,
  options: { workflowId: string } & Partial<WorkflowStartOptions<BulkExportWorkflow>>,
): Promise<StartedExport> {
  const handle = await client.workflow.start<BulkExportWorkflow>(BULK_EXPORT, {
    taskQueue: taskQueueOf(process.env),
    ...options,
    args: [request],
  });
  return {
    handle,
    result: () => handle.result(),
    progress: () => handle.query<ExportProgress>(PROGRESS),
    pollNow: () => handle.signal(POLL_NOW),
    cancel: async () => {
      await handle.cancel();
    },
  };
}
