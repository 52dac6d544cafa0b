import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Owner } from '../export-folder/owner-mark.ts';

/** Whether a workflow has not ended: one that an operator has paused goes on. */
export function isOpen({ status }: Pick<WorkflowExecutionInfo, 'status'>): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}

/** Whether an export is not over: one that an operator has paused goes on with its folder and its slot. */
export async function isRunning(client: Pick<Client, 'workflow'>, { workflowId, firstRunId }: Owner): Promise<boolean> {
  try {
    const description = await client.workflow.getHandle(workflowId).describe();
    // Empty, not absent, from a server of Temporal that does not say it: then the workflow id alone must do.
    const first = description.raw.workflowExecutionInfo?.firstRunId || firstRunId;
    return isOpen(description) && first === firstRunId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
