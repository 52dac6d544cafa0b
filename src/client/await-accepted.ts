import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Accepted } from '../steering-contract.ts';
import { ACCEPTED, CONTINUED } from '../steering-contract.ts';
import { opened } from './export-failure.ts';

/**
 * Waits until the server has accepted an export, in however many runs.
 *
 * @param handle of the export, when it has been started
 * @param first how it is asked for the first time. Default: by its handle
 * @throws ExportFailure when the export fails before
 */
export async function awaitAccepted(
  handle: () => Promise<WorkflowHandle>,
  first: () => Promise<Accepted> = async () => ask(await handle()),
): Promise<Accepted> {
  for (let next = first; ; next = async () => ask(await handle())) {
    try {
      return await next();
    } catch (error) {
      if (isContinued(error)) continue;
      // It has ended: its failure says why.
      if (error instanceof WorkflowNotFoundError) await (await handle()).result().catch(rethrow);
      throw opened(error);
    }
  }
}

function ask(handle: WorkflowHandle): Promise<Accepted> {
  return handle.executeUpdate<Accepted, []>(ACCEPTED);
}

function isContinued(error: unknown): boolean {
  return (
    error instanceof WorkflowUpdateFailedError &&
    error.cause instanceof ApplicationFailure &&
    error.cause.type === CONTINUED
  );
}

function rethrow(error: unknown): never {
  throw opened(error);
}
