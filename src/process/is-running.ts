import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Owner } from '../export-folder/owner-mark.ts';

/** Whether a workflow has not ended: one that an operator has paused goes on. */
export function isOpen({ status }: Pick<WorkflowExecutionInfo, 'status'>): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}

/** Whether an export is not over: one that an operator has paused goes on with its folder and its slot. */
export async function isRunning(client: Pick<Client, 'workflow'>, owner: Owner): Promise<boolean> {
  return (await ownerState(client, owner)) === 'running';
}

/**
 * What Temporal knows of the chain of runs that has a folder. `unknown`: nothing, because its retention has passed, or
 * because it is the Temporal service of others.
 *
 * @throws Error when Temporal does not answer
 */
export async function ownerState(
  client: Pick<Client, 'workflow'>,
  { workflowId, firstRunId }: Owner,
): Promise<'running' | 'ended' | 'unknown'> {
  try {
    const description = await client.workflow.getHandle(workflowId).describe();
    if (!isOpen(description)) return 'ended';
    // Empty, not absent, from a server of Temporal that does not say it.
    const first = description.raw.workflowExecutionInfo?.firstRunId || (await firstRunOf(client, description));
    return first === firstRunId ? 'running' : 'ended';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}

/** First run of the chain to which a run belongs, as the run's history says: in its first event. */
async function firstRunOf(
  { workflow }: Pick<Client, 'workflow'>,
  { workflowId, runId }: Pick<WorkflowExecutionInfo, 'workflowId' | 'runId'>,
): Promise<string | null | undefined> {
  const { history } = await workflow.workflowService.getWorkflowExecutionHistory({
    namespace: workflow.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  return history?.events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId;
}
