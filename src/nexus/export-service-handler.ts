import { createHash } from 'node:crypto';
import { WorkflowRunOperationHandler, getClient, startWorkflow } from '@temporalio/nexus';
import { HandlerError, serviceHandler } from 'nexus-rpc';
import type { StartOperationContext } from 'nexus-rpc';
import type { BulkExportWorkflow } from '../client.ts';
import { summaryOf } from '../client/summary-of.ts';
import type { ExportReport } from '../contract.ts';
import { BULK_EXPORT } from '../contract.ts';
import type { NexusExportInput } from './index.ts';
import { exportService } from './index.ts';

/** Field of the memo: the hash of the request with which an operation began the export. */
const REQUEST_MEMO = 'nexusRequest';
const KEY = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/**
 * Serves {@link exportService}, for `nexusServices` of a worker that serves the task queue of exports. `createWorkers`
 * adds it by itself.
 */
export const exportServiceHandler = serviceHandler(exportService, {
  export: new WorkflowRunOperationHandler<NexusExportInput, ExportReport>(startExportOf),
});

async function startExportOf(ctx: StartOperationContext, input: NexusExportInput) {
  if (typeof input !== 'object' || input === null) throw refused('the input must be an object');
  const { key, ...request } = input;
  if (key !== undefined) requireKey(key);
  const hash = hashOf(request);
  const handle = await startWorkflow<BulkExportWorkflow>(ctx, BULK_EXPORT, {
    workflowId: key ?? ctx.requestId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: summaryOf(request),
    memo: { [REQUEST_MEMO]: hash },
    args: [request],
  });
  // Only afterwards is it certain which export has the id: two operations may begin at once.
  const { memo } = await getClient().workflow.getHandle(handle.workflowId).describe();
  if (memo?.[REQUEST_MEMO] !== hash) throw refused(`key: ${key} is of another request that is still running`);
  return handle;
}

/** Gates have ids, too: an export in the place of one would keep all others from running. */
function requireKey(key: unknown): void {
  if (typeof key === 'string' && KEY.test(key) && !key.includes('.gate.')) return;
  throw refused(
    'key: must have letters, digits, "-", "_" and ".", at most 200, a letter or digit first, and no ".gate."',
  );
}

function refused(message: string): HandlerError {
  return new HandlerError('BAD_REQUEST', `InvalidRequest: ${message}`);
}

/** Equal for equal requests, whatever the order of their fields. */
function hashOf(request: object): string {
  return createHash('sha256')
    .update(JSON.stringify(request, (_name, value: unknown) => sorted(value)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
