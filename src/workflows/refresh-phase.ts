import type { Trouble } from '../policy/trouble.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { nextTry } from './retry.ts';
import { addWarnings } from './state.ts';
import { step } from './activity-options.ts';

/**
 * Reads the manifest again for fresh links, and waits for a server that is unreachable.
 *
 * @returns false when the job is gone, or its manifest is another one
 */
export async function refreshPhase(run: ExportRun): Promise<boolean> {
  const { reading = 0, links } = run.job.downloads ?? {};
  const life = links?.dead === undefined ? {} : { life: links.dead };
  let trouble: Trouble | undefined;
  for (;;) {
    const result = await run.tokens.use((token) =>
      step('manifest again · fresh links').refreshManifest({ ref: run.opened.ref, reading, ...life, ...token }),
    );
    if (result.kind === 'trouble') {
      run.stands(true);
      run.slots.heard(result);
    }
    if (result.kind === 'refreshed') {
      addWarnings(run.state, result.warnings ?? []);
      // New links may have a new end.
      run.job.manifest = result.manifest;
      return true;
    }
    if (result.kind === 'gone' || result.kind === 'changed') {
      run.jobEnded = detailOf(result);
      run.jobIsThere = result.kind === 'changed';
      return false;
    }
    const next = nextTry(trouble, result, run.limits, run.steering.clock);
    trouble = next.trouble;
    if (next.kind === 'final') {
      if (result.cause === 'gone') {
        run.jobEnded = detailOf(result);
        return false;
      }
      throw failure(
        result.cause === 'unusable' ? 'InvalidManifest' : 'ServerUnavailable',
        `links to files were refused and the manifest could not be read again: ${detailOf(result)}`,
      );
    }
    // An operator ends the downloads.
    if (run.steering.end !== undefined && run.job.complete) return true;
    await run.waitUntil(next.at, `manifest again · ${detailOf(result).slice(0, 60)}`);
  }
}
