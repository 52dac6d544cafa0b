import { workflowInfo } from '@temporalio/workflow';
import type { OpenExportInput } from '../activities/open-export.ts';
import type { SettleExportInput } from '../activities/settle-export.ts';
import type { ExportRequest, Warning } from '../contract.ts';
import { lastMarkOf, lastMembersOf } from '../policy/mark.ts';
import type { ExportRun } from './export-run.ts';
import type { ExportState } from './state.ts';

/** What an export is opened with: where the one before it in its schedule ended. Only the first run of a chain knows that. */
export function lastMark({ incremental }: ExportRequest): Pick<OpenExportInput, 'last'> {
  const last = incremental === undefined ? undefined : lastMarkOf(workflowInfo().lastResult);
  return last === undefined ? {} : { last };
}

/** The same of the members of a group, where it is asked for new ones. */
export function lastMembers({ incremental }: ExportRequest): Pick<ExportState, 'members'> {
  if (incremental?.newMembers === undefined) return {};
  const last = lastMembersOf(workflowInfo().lastResult);
  return { members: last === undefined ? {} : { last } };
}

/** What an export is settled with: from when on it has asked, and what the mark depends on. */
export function markInput({ request, state, job }: ExportRun): Pick<SettleExportInput, 'asked'> {
  const { since, requestHash, timeIsEnd } = state.opened ?? {};
  // The export was opened by a worker of an earlier version, which knows nothing of marks.
  if (requestHash === undefined) return {};
  const { incremental } = request;
  const onIssues = incremental === undefined ? undefined : (incremental.onIssues ?? 'hold');
  const newMembers = state.members?.report;
  const members = newMembers === undefined ? {} : { newMembers };
  return { asked: { since, requestHash, onIssues, completeAt: job.completeAt, timeIsEnd, ...members } };
}

/** What the report warns of: not of new members whose data has come by an export of its own. */
export function warningsToTell({ warnings, members }: ExportState): Warning[] {
  return members?.isWhole === true ? warnings.filter(({ code }) => code !== 'NewPatientsInPart') : warnings;
}
