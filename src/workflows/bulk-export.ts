import {
  CancellationScope,
  CancelledFailure,
  ContinueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  patched,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { ExportProgress, ExportReport, ExportRequest } from '../contract.ts';
import { POLL_NOW, PROGRESS } from '../contract.ts';
import type { FilesInput, FilesPage } from '../files-contract.ts';
import { FILES } from '../files-contract.ts';
import { gateId } from '../gate-contract.ts';
import { GRANTED } from '../policy/gate/messages.ts';
import { isExport } from '../fhir/operations.ts';
import { Acceptance } from './acceptance.ts';
import { answerUpdates } from './answer-updates.ts';
import { attachmentPhase } from './attachment-phase.ts';
import { attentionPhase } from './attention-phase.ts';
import { auditEnd, auditStart, outcomeOf } from './audit-phase.ts';
import { readRunInput } from './run-input.ts';
import type { CarriedState } from './carried-state.ts';
import { defaultPath } from './default-path.ts';
import { PUBLISHED_IS_COMPLETE } from './delete-phase.ts';
import { DownloadPhase } from './download-phase.ts';
import { filesPage } from './files-page.ts';
import { manifestFiles } from './file-set.ts';
import { DEFAULT_DEADLINE, ExportRun } from './export-run.ts';
import { failure, unwrap } from './failure.ts';
import { failureDetails } from './progress.ts';
import { lastMark, lastMembers } from './incremental.ts';
import { kickOffPhase } from './kick-off-phase.ts';
import { logBegin, logEnd, logFailure } from './log-lines.ts';
import { countFailure, metrics, serverOf } from './metrics.ts';
import { membersPhase } from './members-phase.ts';
import { pollPhase } from './poll-phase.ts';
import { queuePhase } from './queue-phase.ts';
import { setMemo } from './memo.ts';
import { setSearchAttributes } from './search-attributes.ts';
import { isDead, restart, restartDoubtful } from './restart.ts';
import { reportOf, settlePhase } from './settle-phase.ts';
import { addWarnings } from './state.ts';
import { step } from './activity-options.ts';
import { takeUpdates } from './steer.ts';
import { cleanUp, isUseless, untilStopped } from './stop.ts';

const pollNow = defineSignal(POLL_NOW);
const granted = defineSignal<[unknown]>(GRANTED);
const progress = defineQuery<ExportProgress>(PROGRESS);
const files = defineQuery<FilesPage, [input: FilesInput | undefined]>(FILES);

/**
 * Exports from a FHIR server to a destination: kick-off, polling, downloads, and a verified `manifest.json`.
 *
 * @param args the request; and for the project's own use only, the state that the previous run passes on
 */
export async function bulkExport(...args: [request: ExportRequest, carried?: CarriedState]): Promise<ExportReport> {
  const acceptance = new Acceptance();
  let run: ExportRun | undefined;
  try {
    const { request, state } = readRunInput(args);
    run = new ExportRun(request, state, new CancellationScope());
    acceptance.of(run);
    const report = await perform(run);
    metrics.count('exports_ended_total', { server: serverOf(run), outcome: report.status });
    logEnd(run, report);
    return report;
  } catch (error) {
    countFailure(run, error);
    logFailure(run, error);
    await acceptance.failed(error);
    throw error;
  }
}

async function perform(run: ExportRun): Promise<ExportReport> {
  const { request, state } = run;
  setHandler(pollNow, () => run.requestPoll(), {
    description: 'Poll the FHIR server now instead of at the planned time.',
  });
  setHandler(granted, (grant) => run.slots.take(grant), { description: 'For the gate of the server only.' });
  takeUpdates(run);
  setHandler(files, (input) => filesPage(run.job, run.fetching, input), {
    description: 'How files stand: {"state": "failed", "type": "Patient", "after": 100}.',
  });
  setHandler(progress, () => run.progress, { description: 'Phase, counts and next poll of this export.' });

  const deadline = startDeadline(run);
  // The time for the clean-up includes the wait for what was in flight.
  let stoppedAt: number | undefined;
  run.scope.cancelRequested.catch(() => (stoppedAt = Date.now()));
  try {
    return await leave(run, await untilStopped(run, () => exportAll(run)));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    // What was in flight may have ended otherwise than as cancelled: its worker may have died, its destination failed.
    const stopped = isCancellation(error) || run.stopped;
    const isLate = stopped && deadline.passed;
    const details = { ...failureDetails(run.progress), ...run.incomplete };
    // One that waits has nothing at the server, and leaves the queue at once.
    const waits = state.gate?.slot === 'wanted' || state.gate?.stoodBack === true;
    if (waits) await run.slots.release();
    const isClean = waits && state.opened?.adopted === false;
    if ((stopped && !isClean) || isUseless(run, error)) await cleanUp(run, stoppedAt ?? Date.now());
    const { report } = run.published;
    // Stopped while the job was deleted: nobody else would report what is there, and its folder takes no other export.
    if (stopped && report !== undefined && patched(PUBLISHED_IS_COMPLETE)) {
      return CancellationScope.nonCancellable(() => leave(run, reportOf(run, report)));
    }
    await run.slots.release();
    const outcome = outcomeOf(error, stopped, isLate);
    run.end(run.stopped && !isLate ? 'cancelled' : 'failed', outcome);
    await auditEnd(run, outcome);
    if (isLate) {
      const detail = `the export was not finished within ${request.deadline ?? DEFAULT_DEADLINE}`;
      throw unwrap(failure('DeadlineExceeded', detail), details);
    }
    if (stopped) throw isCancellation(error) ? error : new CancelledFailure('the export was cancelled');
    throw unwrap(error, details);
  }
}

/** The end of an export that is complete. */
async function leave(run: ExportRun, report: ExportReport): Promise<ExportReport> {
  await run.slots.release();
  await answerUpdates();
  await auditEnd(run, report.status);
  return report;
}

async function exportAll(run: ExportRun): Promise<ExportReport> {
  const { state } = run;
  if (state.opened === undefined) await open(run);
  await auditStart(run);
  // An export of its own, which needs a slot of the server: before this one has any.
  if (state.members !== undefined) await membersPhase(run, state.members);
  run.slots.start();
  for (;;) {
    if (run.steering.attention !== undefined) await attentionPhase(run);
    while (!run.job.accepted) {
      await queuePhase(run);
      await kickOffPhase(run);
    }
    if (!run.job.complete && !(await pollPhase(run))) await restart(run, 'ExportGone');
    else if (!(await new DownloadPhase(run, manifestFiles(run)).execute())) await restart(run, 'ExportExpired');
    else if (run.job.complete) {
      if (isDead(run)) {
        run.jobIsThere = true;
        await restart(run, 'ExportExpired');
        continue;
      }
      // A file that is missing will fail the export; its attachments are not known.
      if (run.request.attachments !== undefined && run.job.downloads?.failed === 0) await attachmentPhase(run);
      if (run.steering.isHeld) await run.hold();
      // Asked for in the pause, unless the export is to end.
      if (run.steering.isRetryWanted && run.steering.end === undefined && patched('files-again-after-a-pause'))
        continue;
      try {
        const report = await settlePhase(run);
        if (report !== undefined) return report;
      } catch (error) {
        await restartDoubtful(run, error);
      }
    }
  }
}

async function open(run: ExportRun): Promise<void> {
  const { request, state } = run;
  const info = workflowInfo();
  // It would take the messages of exports to the gate, and answer none.
  if (info.workflowId.startsWith(gateId('', info.taskQueue)) && patched('no-export-is-a-gate')) {
    const detail = `the workflow id ${info.workflowId} is of the form of gates of servers; choose another`;
    throw failure('InvalidRequest', detail);
  }
  const { openExport, openOperation } = step('open destination');
  run.pends('open the destination');
  try {
    state.opened = await (isExport(request.operation) ? openExport : openOperation)({
      request,
      owner: { workflowId: info.workflowId, firstRunId: info.firstExecutionRunId, runId: info.runId },
      path: request.destination?.path ?? defaultPath(info),
      ...lastMark(request),
    });
  } finally {
    run.pends(undefined);
  }
  Object.assign(state, lastMembers(request));
  addWarnings(state, state.opened.warnings ?? []);
  metrics.count('phases_total', { server: serverOf(run), phase: state.phase });
  logBegin(run);
  state.job.generation = state.opened.generation;
  run.slots.open(state.opened.gate);
  const { server, level } = request;
  setSearchAttributes(state.opened.searchAttributes, { server, phase: state.phase, level });
  setMemo(state.opened, { location: state.opened.location });
}

function startDeadline(run: ExportRun): { passed: boolean } {
  const deadline = { passed: false };
  const left = Math.max(1, run.deadline - Date.now());
  // Not cancellable: it must not end with the scope that it is to end.
  void CancellationScope.nonCancellable(() => sleep(left, { summary: 'deadline' })).then(() => {
    deadline.passed = true;
    run.scope.cancel();
  });
  return deadline;
}
