import { ApplicationFailure, ChildWorkflowFailure, executeChild, proxyActivities } from '@temporalio/workflow';
import type { BulkExportWorkflow } from 'fhir-bulk-export';
import type { ExportRequest } from 'fhir-bulk-export/contract';
import { BULK_EXPORT } from 'fhir-bulk-export/contract';
import type { OurActivities } from './activities.js';

// All of them: exports need exportGate where a server has a limit of exports, and `check` needs checkServer.
export * from 'fhir-bulk-export/workflows';

const { announce } = proxyActivities<OurActivities>({ startToCloseTimeout: '1 minute' });

/** Exports, and does what comes after it. */
export async function nightlyCopy(request: ExportRequest): Promise<string> {
  try {
    const { location, resources } = await executeChild<BulkExportWorkflow>(BULK_EXPORT, {
      workflowId: `nightly-${request.server}`,
      // When this workflow is cancelled or ends, so is the export, and it deletes the server's job.
      parentClosePolicy: 'REQUEST_CANCEL',
      args: [request],
    });
    return await announce(location, resources);
  } catch (error) {
    // The code of the failure, such as IncompleteExport.
    const { cause } = error instanceof ChildWorkflowFailure ? error : {};
    if (cause instanceof ApplicationFailure) return `failed: ${cause.type}`;
    throw error;
  }
}
