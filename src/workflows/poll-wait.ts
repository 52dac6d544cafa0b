import { patched } from '@temporalio/workflow';
import { waitInRuns } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { secondsUntil } from './retry.ts';

/**
 * Waits for the next poll, or for files that can be fetched while the server still works: those whose time has come, also
 * while the polls are paused, and those that were held by a pause of the downloads. A poll that an operator asked for comes
 * before files.
 */
export async function pollWait(run: ExportRun): Promise<'poll' | 'files'> {
  const { poll } = run.job;
  const file = nextFile(run);
  const fileFirst =
    file !== undefined && file < poll.notBefore && patched('files-again-between-polls') ? file : undefined;
  const areHeld = run.job.downloads?.held === true && patched('held-files-go-on');
  const areFree = (): boolean => areHeld && hasHeldFiles(run);
  const isAsked = await waitInRuns(run, fileFirst ?? poll.notBefore, waitSummary(run), {
    unless: areFree,
    heldUntil: file,
  });
  if (areFree()) return 'files';
  if (file === undefined || file > Date.now()) return 'poll';
  if (run.steering.isHeld) return 'files';
  return fileFirst === undefined || (isAsked && patched('polls-asked-for-come-first')) ? 'poll' : 'files';
}

/** Files that could be fetched, and were not because downloads were paused. */
export function hasHeldFiles({ job, steering }: ExportRun): boolean {
  return job.downloads?.held === true && !steering.isPaused('downloads');
}

/** When a file is to be fetched again, if there is one that may be. */
function nextFile({ job: { downloads }, steering }: ExportRun): number | undefined {
  if (downloads === undefined || downloads.retries.length === 0 || steering.isPaused('downloads')) return undefined;
  return Math.max(downloads.holdUntil, Math.min(...downloads.retries.map(({ notBefore }) => notBefore)));
}

function waitSummary({ job: { poll } }: ExportRun): string {
  return `next poll in ${secondsUntil(poll.notBefore)} s${poll.detail === undefined ? '' : ` · ${poll.detail.slice(0, 60)}`}`;
}
