import { log, patched, sleep } from '@temporalio/workflow';
import { WARNINGS } from '../contract.ts';
import { nextDelay } from '../policy/trouble.ts';
import type { DeleteJobResult } from '../activities/delete-job.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { codeOf } from './failure.ts';
import { addWarnings } from './state.ts';
import { BOUNDED_CLEAN_UP, step } from './steps.ts';

/** Tells the server that its job is not needed any more; a server that does not take it earns a warning only. */
export async function deletePhase(run: ExportRun, { removeParts }: { removeParts: boolean }): Promise<void> {
  const { limits } = run;
  let since: number | undefined;
  for (let times = 0; ; times++) {
    const result = await deleteOnce(run, removeParts);
    if (result.kind === 'deleted' || result.kind === 'nothingToDelete') return;
    since ??= Date.now();
    if (result.kind === 'unsupported' || Date.now() - since >= limits.delete) {
      const code = result.kind === 'unsupported' ? 'DeleteUnsupported' : 'DeleteFailed';
      log.warn('the job could not be deleted', { reason: detailOf(result) });
      addWarnings(run.state, [{ code, message: `${WARNINGS[code]} (${detailOf(result)})` }]);
      return;
    }
    // Within the time for all tries: a server that asks for more is not waited for.
    const left = limits.delete - (Date.now() - since);
    const delay = Math.min(left, nextDelay(result.retryAfter, times, limits, Math.random));
    await sleep(Math.max(1, delay), { summary: 'DELETE again' });
  }
}

/** One DELETE. An export that is complete does not fail because there is no token for it. */
async function deleteOnce(run: ExportRun, removeParts: boolean): Promise<Exclude<DeleteJobResult, TokenNeeded>> {
  // With a token that may be stale: parts are removed first, and do not wait for a new one.
  const first = removeParts && patched(BOUNDED_CLEAN_UP) ? run.tokens.held : undefined;
  try {
    return await run.tokens.use(
      (token) => step('DELETE job').deleteJob({ ref: run.opened.ref, removeParts, ...token }),
      first,
    );
  } catch (error) {
    if (codeOf(error) !== 'AuthorizationFailed') throw error;
    return { kind: 'trouble', detail: 'not authorized' };
  }
}
