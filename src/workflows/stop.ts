import { CancellationScope, CancelledFailure, log, patched } from '@temporalio/workflow';
import { WARNINGS } from '../contract.ts';
import { isAdditional } from './additional-export.ts';
import { deletePhase } from './delete-phase.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf } from './failure.ts';
import { addWarnings } from './state.ts';
import { BOUNDED_CLEAN_UP } from './activity-options.ts';
import { wait } from './wait.ts';

/** Patch: a clean-up has time for a DELETE, however long workers were away. */
const TIME_FOR_A_LATE_DELETE = 'time-for-a-late-delete';

/** A timer that is heard of so much later, in milliseconds, tells that nobody was there. */
const LATE = 1000;

/**
 * Runs the export until it ends or is to stop. Then what is in flight is waited for, so that clean-up comes after it,
 * but not for ever: a hung file system answers no request to stop.
 */
export async function untilStopped<T>(run: ExportRun, work: () => Promise<T>): Promise<T> {
  const working = run.scope.run(work);
  const stopping = run.scope.cancelRequested.catch(() =>
    CancellationScope.nonCancellable(async () => {
      if (!patched(BOUNDED_CLEAN_UP) || (await endsWithin(working, run.limits.cleanUp / 2, 'what still runs')))
        return working;
      log.warn('activities did not stop in time; the export is cleaned up without them');
      throw new CancelledFailure('the export is to stop');
    }),
  );
  return Promise.race([working, stopping]);
}

/** Whether nobody can use the server's job any more, which may have the only slot there. */
export function isUseless({ job, jobIsThere }: Pick<ExportRun, 'job' | 'jobIsThere'>, error: unknown): boolean {
  const code = codeOf(error);
  if (code === 'ExportFailed') return true;
  // It may have the slot that the export needs which has it made.
  if (job.accepted && isAdditional() && patched('additional-exports-keep-no-job')) return true;
  if (code !== 'NotAllowed' || !job.accepted) return false;
  // No other job may follow on an earlier run's, so what that one has is all that there is.
  if (jobIsThere && patched('keep-what-none-follows')) return false;
  return patched('delete-what-is-not-allowed');
}

/**
 * After a cancel, the deadline and a failed export: the server's job and unfinished parts are removed, within the time
 * for it. What could not be done is logged, and fails nothing.
 */
export async function cleanUp(run: ExportRun, since: number): Promise<void> {
  if (run.state.opened === undefined) return;
  const { limits } = run;
  const left = since + limits.cleanUp - Date.now();
  // Workers that were away may have let most of the time pass.
  const isLate = left < limits.delete && patched(TIME_FOR_A_LATE_DELETE);
  const time = isLate ? limits.delete : Math.max(1, left);
  const end = Date.now() + time;
  await CancellationScope.nonCancellable(async () => {
    run.enter('cleaning-up');
    const cleaning = deletePhase(run, { removeParts: true });
    try {
      if (!patched(BOUNDED_CLEAN_UP) || (await endsWithin(cleaning, time, 'clean-up'))) return await cleaning;
      // A timer is heard of at once, unless nobody is there: then nobody has sent the DELETE either.
      const wereAway = Date.now() - end >= LATE && patched(TIME_FOR_A_LATE_DELETE);
      if (wereAway && (await endsWithin(cleaning, limits.delete, 'clean-up, late'))) return await cleaning;
      const reason = run.tokens.trouble ?? 'a step did not end, or was tried again and again';
      log.warn('cleaning up was given up: the server may still have the job, and unfinished parts may be left', {
        reason,
      });
      addWarnings(run.state, [{ code: 'DeleteFailed', message: `${WARNINGS.DeleteFailed} (${reason})` }]);
    } catch (error) {
      log.warn('cleaning up failed: the server may still have the job, and unfinished parts may be left', { error });
      addWarnings(run.state, [{ code: 'DeleteFailed', message: `${WARNINGS.DeleteFailed} (its outcome is unknown)` }]);
    }
  });
}

async function endsWithin(work: Promise<unknown>, time: number, summary: string): Promise<boolean> {
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  void work.then(end, end);
  return wait({ unless: () => ended, until: Date.now() + time, summary });
}
