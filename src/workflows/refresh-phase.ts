import type { Trouble } from '../fhir/trouble.ts';
import { addTrouble, isFinal, nextDelay } from '../fhir/trouble.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { step } from './steps.ts';

/** Reads the manifest again for fresh links, and waits for a server that is away. */
export async function refreshPhase(run: ExportRun): Promise<void> {
  let trouble: Trouble | undefined;
  for (;;) {
    const result = await step('manifest again · fresh links').refreshManifest({ ref: run.opened.ref });
    if (result.kind === 'refreshed') return;
    if (result.kind === 'trouble') trouble = addTrouble(trouble, result.cause, Date.now());
    if (result.kind === 'gone' || trouble === undefined || isFinal(trouble, Date.now(), run.limits)) {
      throw giveUp(run, result.kind === 'gone' ? 'gone' : trouble?.cause, result.words);
    }
    const delay = nextDelay(result.retryAfter, trouble.times - 1, run.limits, Math.random);
    await run.waitUntil(Date.now() + delay, `manifest again · ${result.words.slice(0, 60)}`);
  }
}

function giveUp(run: ExportRun, cause: Trouble['cause'] | undefined, words: string): Error {
  const { manifest, downloads } = run.state;
  const had = `${downloads?.done ?? 0} of ${manifest?.entries ?? 0} files were fetched`;
  if (cause === 'gone')
    return failure('ExportExpired', `links to files were refused and the job is gone (${words}); ${had}`);
  if (cause === 'unusable')
    return failure(
      'InvalidManifest',
      `links to files were refused and the manifest cannot be read again (${words}); ${had}`,
    );
  return failure('ServerUnavailable', `links to files were refused and the server did not answer (${words}); ${had}`);
}
