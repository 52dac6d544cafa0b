import { nextDelay } from '../policy/next-delay.ts';
import { detailOf } from './earlier-versions.ts';
import { continueIfLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { nextTry, secondsUntil } from './retry.ts';
import { AT_ONCE, addWarnings } from './state.ts';
import { step } from './activity-options.ts';

/**
 * Starts the export on the server. A server that is busy or unreachable is asked again when it says; one that refuses
 * ends the run.
 */
export async function kickOffPhase(run: ExportRun): Promise<void> {
  const { state, request, limits } = run;
  const { job } = run;
  const { poll } = job;
  const { level, groupId, parameters, prefer } = request;
  run.enter('kick-off');
  for (;;) {
    const result = await run.tokens.use((token) =>
      step(`kick-off ${level} ${groupId ?? ''}`.trim()).kickOff({
        ...token,
        ref: run.opened.ref,
        request: { level, groupId, parameters, prefer },
        generation: job.generation,
      }),
    );
    run.stands(result.kind !== 'accepted');
    if (result.kind === 'accepted') {
      addWarnings(state, result.warnings);
      job.accepted = true;
      delete poll.trouble;
      delete poll.detail;
      poll.backoffs = result.pollAtOnce ? 0 : 1;
      poll.notBefore = result.pollAtOnce ? AT_ONCE : Date.now() + nextDelay(result.retryAfter, 0, limits, Math.random);
      return;
    }
    const next = nextTry(poll.trouble, { cause: 'outage', retryAfter: result.retryAfter }, limits);
    poll.trouble = next.trouble;
    poll.detail = `kick-off: ${detailOf(result)}`;
    if (next.kind === 'final') throw failure('ServerUnavailable', poll.detail);
    poll.notBefore = next.at;
    await run.waitUntil(next.at, `kick-off again in ${secondsUntil(next.at)} s`);
    await continueIfLong(run);
  }
}
