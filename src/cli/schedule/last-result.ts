import type { Client } from '@temporalio/client';

/** gRPC's code. */
const NOT_FOUND = 5;

/**
 * Whether Temporal gave an export the result of the last one of its schedule. It gives none to the first one, nor to those
 * that are started with the policy *allow all*, whose own results it does not keep either.
 *
 * @returns true also where the beginning of the export is gone
 */
export async function hadLastResult(client: Client, workflowId: string): Promise<boolean> {
  const latest = await beginningOf(client, workflowId);
  if (latest === undefined || latest.lastCompletionResult) return true;
  const { firstExecutionRunId: first, originalExecutionRunId: own } = latest;
  // One that has gone on in a new run was given it in the first one.
  if (!first || first === own) return false;
  const beginning = await beginningOf(client, workflowId, first);
  return beginning === undefined || Boolean(beginning.lastCompletionResult);
}

/** What a run was started with, by default the latest one; undefined when that is gone. */
async function beginningOf({ workflowService, options }: Client, workflowId: string, runId?: string) {
  const { namespace } = options;
  try {
    const { history } = await workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, ...(runId === undefined ? {} : { runId }) },
      maximumPageSize: 1,
    });
    return history?.events?.[0]?.workflowExecutionStartedEventAttributes ?? undefined;
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return undefined;
    throw error;
  }
}
