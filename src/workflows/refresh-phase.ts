import { patched } from '@temporalio/workflow';
import type { FailureCode } from '../contract.ts';
import type { Trouble, TroubleCause } from '../policy/trouble.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { nextTry } from './retry.ts';
import { addWarnings } from './state.ts';
import { step } from './activity-options.ts';

/**
 * What has come of reading the manifest again. `gone`: the job is. `changed`: its manifest is another one. `unread`: the
 * server is unreachable, and when it is asked again is noted.
 */
export type Refreshed = 'read' | 'gone' | 'changed' | 'unread';

/** What trouble that lasts means. */
const CODES: Partial<Record<TroubleCause, FailureCode>> = {
  unusable: 'InvalidManifest',
  tokenEndpoint: 'AuthorizationFailed',
};

/** Reads the manifest again for fresh links. Files whose links still work do not wait for a server that is unreachable. */
export async function refreshPhase(run: ExportRun): Promise<Refreshed> {
  const { downloads } = run.job;
  const { reading = 0, links } = downloads ?? {};
  const life = links?.dead === undefined ? {} : { life: links.dead };
  let trouble: Trouble | undefined = downloads?.unread?.trouble;
  for (;;) {
    const result = await run.tokens.use((token) =>
      step('manifest again · fresh links').refreshManifest({ ref: run.opened.ref, reading, ...life, ...token }),
    );
    if (result.kind === 'trouble') {
      run.stands(true);
      run.slots.heard(result);
    }
    if (downloads !== undefined) delete downloads.unread;
    if (result.kind === 'refreshed') {
      addWarnings(run.state, result.warnings ?? []);
      // New links may have a new end.
      run.job.manifest = result.manifest;
      return 'read';
    }
    if (result.kind === 'gone' || result.kind === 'changed') {
      run.jobEnded = detailOf(result);
      run.jobIsThere = result.kind === 'changed';
      return result.kind;
    }
    const next = nextTry(trouble, result, run.limits, run.steering.clock);
    trouble = next.trouble;
    if (next.kind === 'final') {
      if (result.cause === 'gone') {
        run.jobEnded = detailOf(result);
        return 'gone';
      }
      throw failure(
        CODES[result.cause] ?? 'ServerUnavailable',
        `links to files were refused and the manifest could not be read again: ${detailOf(result)}`,
      );
    }
    // An operator ends the downloads.
    if (run.steering.end !== undefined && run.job.complete) return 'read';
    const detail = `manifest again · ${detailOf(result)}`;
    if (downloads !== undefined && patched('downloads-go-on-unread')) {
      Object.assign(downloads, { unread: { trouble, at: next.at }, detail });
      return 'unread';
    }
    await run.waitUntil(next.at, detail.slice(0, 77));
  }
}
