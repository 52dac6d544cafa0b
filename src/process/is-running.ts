import type { Client, WorkflowExecutionDescription, WorkflowExecutionInfo } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Owner } from '../export-folder/owner-mark.ts';

/** Whether a workflow has not ended: one that an operator has paused goes on. */
export function isOpen({ status }: Pick<WorkflowExecutionInfo, 'status'>): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}

/** Whether an export is not over: one that an operator has paused goes on with its folder and its slot. */
export async function isRunning(client: Pick<Client, 'workflow'>, owner: Owner): Promise<boolean> {
  const latest = await describe(client, owner.workflowId);
  return latest !== undefined && isOpen(latest) && (await isOfChain(client, latest, owner));
}

/**
 * What Temporal knows of the chain of runs that has a folder. `unknown`: nothing, because its retention has passed, or
 * because it is the Temporal service of others, which may use the same workflow ids.
 *
 * @throws Error when Temporal does not answer
 */
export async function ownerState(
  client: Pick<Client, 'workflow'>,
  owner: Owner,
): Promise<'running' | 'ended' | 'unknown'> {
  const latest = await describe(client, owner.workflowId);
  if (latest === undefined) return 'unknown';
  if (await isOfChain(client, latest, owner)) return isOpen(latest) ? 'running' : 'ended';
  // A chain ends before another one of its workflow id begins; but it may never have been here.
  return (await describe(client, owner.workflowId, owner.firstRunId)) === undefined ? 'unknown' : 'ended';
}

/** The latest run of a workflow id, or one of them; undefined when there is none. */
async function describe(
  client: Pick<Client, 'workflow'>,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(workflowId, runId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

async function isOfChain(
  client: Pick<Client, 'workflow'>,
  run: WorkflowExecutionDescription,
  { firstRunId }: Owner,
): Promise<boolean> {
  // Empty, not absent, from a server of Temporal that does not say it.
  return (run.raw.workflowExecutionInfo?.firstRunId || (await firstRunOf(client, run))) === firstRunId;
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
