import { ApplicationFailure, ChildWorkflowFailure, executeChild } from '@temporalio/workflow';
import type { ExportReport, ExportRequest } from '../../../src/contract.ts';
import type { bulkExport } from '../../../src/workflows/index.ts';

export * from '../../../src/workflows/index.ts';

/** A workflow of a service's own: an export, and what the service does with it. */
export async function nightly(request: ExportRequest): Promise<Pick<ExportReport, 'resources'> | { code: string }> {
  try {
    const { resources } = await executeChild<typeof bulkExport>('bulkExport', {
      workflowId: `of-${request.server}-${request.groupId ?? 'all'}`,
      parentClosePolicy: 'REQUEST_CANCEL',
      args: [request],
    });
    return { resources };
  } catch (error) {
    if (!(error instanceof ChildWorkflowFailure) || !(error.cause instanceof ApplicationFailure)) throw error;
    return { code: error.cause.type ?? '' };
  }
}
