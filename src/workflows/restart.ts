import { patched } from '@temporalio/workflow';
import { attentionOf } from './attention-phase.ts';
import { deletePhase } from './delete-phase.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf, failure, unwrap } from './failure.ts';
import { kickOffRequestOf } from './kick-off-phase.ts';
import { setMemo } from './memo.ts';
import { newJob } from './state.ts';

/**
 * An earlier run's job that is there and whose files are not: to ask for them again, as often as the export is started,
 * would bring nothing.
 */
export function isDead({ opened, state, job, steering }: ExportRun): boolean {
  // An operator wants what there is.
  if (steering.end !== undefined) return false;
  const refused = job.downloads?.refused ?? 0;
  return opened.adopted && !state.restarted && refused > 0 && patched('restart-when-files-are-gone');
}

/** Whether another job may take the place of the one that there is, because an earlier run began it. */
function mayRestart({ opened, state }: ExportRun): boolean {
  return opened.adopted && !state.restarted;
}

/** An earlier run's job may be gone, then the export is kicked off once more; this run's own must not be. */
export async function restart(run: ExportRun, code: 'ExportGone' | 'ExportExpired'): Promise<void> {
  const { state, job } = run;
  const { manifest, downloads, poll } = job;
  if (!mayRestart(run)) {
    const detail = run.jobEnded ?? downloads?.detail ?? poll.detail ?? '';
    const of = `${downloads?.done ?? 0} of ${manifest?.entries ?? 0} files were fetched, and the others no longer can be: ${detail}`;
    if (job.complete && run.waitsForOperator) return run.steering.needs(attentionOf(of));
    throw code === 'ExportGone' ? failure(code, `the server no longer knows the job: ${detail}`) : failure(code, of);
  }
  // Nobody else knows the job, and many a server refuses a second one while it has the first.
  if (run.jobIsThere && patched('delete-before-restart')) {
    await deletePhase(run, { removeParts: false, next: kickOffRequestOf(run) });
  }
  run.jobIsThere = false;
  run.slots.jobIsGone();
  // The manifest of the next one has a time of its own.
  if (job.complete && patched('restart-forgets-time')) setMemo(run.opened, { transactionTime: undefined });
  state.restarted = true;
  state.job = newJob(job.generation + 1, poll.polls);
}

/**
 * The same where an earlier run's files may be doubtful (`ExportExpired`). Not when an operator wants what there is; this
 * run's own job is for the operator to decide about, where there is one.
 *
 * @param error of settling, thrown again if there is nothing to be done about it
 */
export async function restartDoubtful(run: ExportRun, error: unknown): Promise<void> {
  const isDoubtful = codeOf(error) === 'ExportExpired' && run.steering.end === undefined;
  if (!isDoubtful || !patched('doubtful-files-restart')) throw error;
  if (mayRestart(run)) {
    run.jobIsThere = true;
    return restart(run, 'ExportExpired');
  }
  if (!run.waitsForOperator) throw error;
  run.steering.needs(attentionOf((unwrap(error) as Error).message));
}
