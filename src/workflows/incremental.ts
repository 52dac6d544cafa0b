import { workflowInfo } from '@temporalio/workflow';
import type { OpenExportInput } from '../activities/open-export.ts';
import type { SettleExportInput } from '../activities/settle-export.ts';
import type { ExportRequest } from '../contract.ts';
import { lastMarkOf } from '../policy/mark.ts';
import type { ExportRun } from './export-run.ts';

/** What an export is opened with: where the one before it in its schedule ended. Only the first run of a chain knows that. */
export function lastMark({ incremental }: ExportRequest): Pick<OpenExportInput, 'last'> {
  const last = incremental === undefined ? undefined : lastMarkOf(workflowInfo().lastResult);
  return last === undefined ? {} : { last };
}

/** What an export is settled with: from when on it has asked, and what the mark depends on. */
export function markInput({ request, state, job }: ExportRun): Pick<SettleExportInput, 'asked'> {
  const { since, requestHash, timeIsEnd } = state.opened ?? {};
  // The export was opened by a worker of an earlier version, which knows nothing of marks.
  if (requestHash === undefined) return {};
  const { incremental } = request;
  const onIssues = incremental === undefined ? undefined : (incremental.onIssues ?? 'hold');
  return { asked: { since, requestHash, onIssues, completeAt: job.completeAt, timeIsEnd } };
}
