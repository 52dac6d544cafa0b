import { ActivityFailure, isCancellation, log, patched } from '@temporalio/workflow';
import { WARNINGS } from '../contract.ts';
import type { Trouble } from '../policy/trouble.ts';
import type { DeleteJobInput, DeleteJobResult } from '../activities/delete-job.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf } from './failure.ts';
import { isKeptUntilDelete } from './gate-seat.ts';
import { nextTry } from './retry.ts';
import { addWarnings } from './state.ts';
import { BOUNDED_CLEAN_UP, step } from './activity-options.ts';
import { wait } from './wait.ts';

const AGAIN = 'DELETE again';

/** Patch: a run whose `manifest.json` is published reports it, whatever becomes of the job. */
export const PUBLISHED_IS_COMPLETE = 'what-is-published-is-complete';

/** What a DELETE is for. */
type Purpose = Pick<DeleteJobInput, 'removeParts' | 'next'>;

/** Deletes the job on the server, which is no longer needed. A server that refuses causes a warning only. */
export async function deletePhase(run: ExportRun, purpose: Purpose): Promise<void> {
  const { limits } = run;
  // Of answers that pass and hold up others, since the first one; and of any other ones, in a row.
  let passing: Trouble | undefined;
  let others: Trouble | undefined;
  for (;;) {
    const result = await deleteOnce(run, purpose);
    if ('left' in result && result.left !== undefined) warn(run, 'TracesLeft', result.left);
    if (result.kind === 'deleted' || result.kind === 'nothingToDelete') return;
    if (result.kind === 'unsupported') return warn(run, 'DeleteUnsupported', detailOf(result));
    run.slots.heard(result);
    const isOfSlot = result.passes === true && isKeptUntilDelete(run.state) && patched('delete-until-the-slot-is-free');
    const time = isOfSlot ? timeOfSlot(run, purpose, passing?.since ?? Date.now()) : limits.delete;
    const bounds = { ...limits, delete: time };
    const next = nextTry(isOfSlot ? passing : others, { cause: 'delete', retryAfter: result.retryAfter }, bounds);
    if (next.kind === 'final') return warn(run, 'DeleteFailed', detailOf(result));
    const { trouble } = next;
    others = isOfSlot ? undefined : trouble;
    if (isOfSlot) passing = trouble;
    // Within the time for all tries: a server that asks for more is not waited for.
    const until = Math.max(Math.min(next.at, trouble.since + time), Date.now() + 1);
    if (isOfSlot) await waitForAll(run, until, detailOf(result));
    else await wait({ until, summary: AGAIN });
  }
}

/** The same when `manifest.json` is published: the export does not fail any more, such as when its folder was taken away. */
export async function deleteOfComplete(run: ExportRun): Promise<void> {
  try {
    await deletePhase(run, { removeParts: false });
  } catch (error) {
    if (isCancellation(error) || run.stopped || !patched(PUBLISHED_IS_COMPLETE)) throw error;
    warn(run, 'DeleteFailed', ((error instanceof ActivityFailure ? error.cause : error) as Error).message);
  }
}

/**
 * Time for all tries where others wait for the slot that the DELETE frees: nobody sends it again, and the server would
 * refuse them until it forgets the job by itself.
 *
 * @param since first failure
 */
function timeOfSlot({ limits, deadline }: ExportRun, { removeParts }: Purpose, since: number): number {
  // The clean-up has an end of its own.
  if (removeParts) return limits.cleanUp;
  // What is complete is not to fail by its deadline.
  return Math.max(limits.delete, Math.min(limits.deleteOfSlot, deadline - limits.cleanUp - since));
}

/** Waits in the sight of people, until one of them wants a try at the latest. */
async function waitForAll(run: ExportRun, until: number, detail: string): Promise<void> {
  const { state, job } = run;
  const before = job.poll.detail;
  job.poll.detail = `DELETE: ${detail}`;
  run.show();
  try {
    await wait({ until, unless: () => state.pollRequested === true, summary: AGAIN });
    delete state.pollRequested;
  } finally {
    job.poll.detail = before;
    run.show();
  }
}

function warn(run: ExportRun, code: 'DeleteUnsupported' | 'DeleteFailed' | 'TracesLeft', reason: string): void {
  log.warn(code === 'TracesLeft' ? 'parts could not be removed' : 'the job could not be deleted', { reason });
  addWarnings(run.state, [{ code, message: `${WARNINGS[code]} (${reason})` }]);
}

/** One DELETE. An export that is complete does not fail because there is no token for it. */
async function deleteOnce(run: ExportRun, purpose: Purpose): Promise<Exclude<DeleteJobResult, TokenNeeded>> {
  // With a token that may be stale: parts are removed first, and do not wait for a new one.
  const first = purpose.removeParts && patched(BOUNDED_CLEAN_UP) ? run.tokens.held : undefined;
  try {
    return await run.tokens.use(
      (token) => step('DELETE job').deleteJob({ ref: run.opened.ref, ...purpose, ...token }),
      // It has a minute in all, and nobody who waits for the report is to wait for a token.
      { first, isPatient: false },
    );
  } catch (error) {
    if (codeOf(error) !== 'AuthorizationFailed') throw error;
    return { kind: 'trouble', detail: 'not authorized' };
  }
}
