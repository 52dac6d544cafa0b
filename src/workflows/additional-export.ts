import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { ChildWorkflowFailure, executeChild, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { ExportReport, ExportRequest, Warning } from '../contract.ts';
import { BULK_EXPORT } from '../contract.ts';
import { lacksOf } from '../policy/lacks.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf } from './failure.ts';

/** Whose data an additional export brings, and from when on: undefined for all of it. */
interface Wanted {
  whom: 'patients' | 'group';
  since: string | undefined;
}

/** How an additional export has ended. `refusesPatients`: maybe because of the parameter `patient`. */
type End =
  | { kind: 'whole'; workflowId: string; location: string }
  /** It is complete, and data may be missing. */
  | { kind: 'lacking'; workflowId: string; location: string; why: string; refusesPatients: boolean }
  | { kind: 'failed'; why: string; refusesPatients: boolean };

/** In the names of an export and of its folder, behind those of the export that has it made. */
const SUFFIXES = { patients: '.new-members', group: '.all-members' } as const;
/** Characters of an id to which something is added. */
const LONGEST_ID = 200;
/** Failures that may come of the patients that were named, for all of whom the group itself can be asked. */
const MAY_BE_OF_PATIENTS = ['KickOffRejected', 'KickOffUnknown', 'ExportFailed'];
/** The longest that an additional export may take, in seconds: a week. */
const LONGEST = 7 * 24 * 3600;

/** Whether this export is an additional one. Nobody starts it again when it has failed: the next one has another path. */
export function isAdditional(): boolean {
  const { workflowId, parent } = workflowInfo();
  if (parent === undefined) return false;
  const isLong = parent.workflowId.length > LONGEST_ID;
  return Object.values(SUFFIXES).some((suffix) =>
    isLong ? workflowId.endsWith(suffix) : workflowId === `${parent.workflowId}${suffix}`,
  );
}

/**
 * Has the data of members exported, whenever it changed, by an export that is like any other: a child with a folder beside
 * that of this one. A request to cancel this one cancels it, with its clean-up. Fails only when this one is to stop.
 */
export async function additionalExport(run: ExportRun, wanted: Wanted): Promise<End> {
  const { workflowId: id, firstExecutionRunId } = workflowInfo();
  // Temporal refuses ids of more than a thousand bytes.
  const own = id.length > LONGEST_ID ? firstExecutionRunId : id;
  const workflowId = `${own}${SUFFIXES[wanted.whom]}`;
  try {
    const report: ExportReport = await executeChild(BULK_EXPORT, {
      workflowId,
      args: [requestFor(run, wanted)],
      // Terminating it would leave the server's job.
      parentClosePolicy: 'REQUEST_CANCEL',
      staticSummary: wanted.whom === 'patients' ? 'new members of the group' : 'all members of the group',
    });
    const { location, status, warnings } = report;
    const lacks = lacksOf({ hasIssues: status !== 'complete', warnings });
    if (lacks.length === 0 || run.request.incremental?.onIssues === 'advance') {
      return { kind: 'whole', workflowId, location };
    }
    const why = `${workflowId}: ${lacks.join(', ')}`;
    return { kind: 'lacking', workflowId, location, why, refusesPatients: warnings.some(isOfPatients) };
  } catch (error) {
    if (run.stopped) throw error;
    if (error instanceof WorkflowExecutionAlreadyStartedError) {
      return { kind: 'failed', why: `${workflowId} is running already`, refusesPatients: false };
    }
    if (!(error instanceof ChildWorkflowFailure)) throw error;
    // No words of its failure: they may name patients.
    const code = codeOf(error.cause) ?? 'it failed';
    const why = isCancellation(error) ? 'it was cancelled' : code;
    return { kind: 'failed', why: `${workflowId}: ${why}`, refusesPatients: MAY_BE_OF_PATIENTS.includes(code) };
  }
}

/** With lenient handling a server leaves the parameter out, and may report that as an issue. */
function isOfPatients({ code, message }: Warning): boolean {
  return code === 'ParameterIgnored' && /\bpatient\b/.test(message);
}

function requestFor(run: ExportRun, { whom, since }: Wanted): ExportRequest {
  const { incremental: _incremental, onIncomplete: _onIncomplete, parameters, ...request } = run.request;
  const { destination: name, path } = run.opened.ref;
  // This one has to end by its deadline as well, and is to be made however long the other takes.
  const seconds = Math.max(1, Math.min(LONGEST, Math.floor((run.deadline - Date.now()) / 2000)));
  return {
    ...request,
    parameters: since === undefined ? parameters : { ...parameters, _since: since },
    destination: { name, path: `${path}${SUFFIXES[whom]}` },
    deadline: `PT${seconds}S`,
    ...(whom === 'patients' ? { newMembersOf: path } : {}),
  } as ExportRequest;
}
