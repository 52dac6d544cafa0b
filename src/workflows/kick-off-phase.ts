import { addTrouble, isFinal, nextDelay } from '../policy/trouble.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { addWarnings } from './state.ts';
import { step } from './steps.ts';

/**
 * Has the export started on the server. A server that is busy or away is asked again when it says; one that refuses
 * ends the run.
 */
export async function kickOffPhase(run: ExportRun): Promise<void> {
  const { state, request, limits } = run;
  const { job } = run;
  const { poll } = job;
  run.enter('kick-off');
  for (;;) {
    const result = await run.tokens.use((token) =>
      step(`kick-off ${request.level} ${request.groupId ?? ''}`.trim()).kickOff({
        ...token,
        ref: run.opened.ref,
        request: {
          level: request.level,
          ...(request.groupId === undefined ? {} : { groupId: request.groupId }),
          ...(request.parameters === undefined ? {} : { parameters: request.parameters }),
          ...(request.prefer === undefined ? {} : { prefer: request.prefer }),
        },
        generation: job.generation,
      }),
    );
    run.stands(result.kind !== 'accepted');
    if (result.kind === 'accepted') {
      addWarnings(state, result.warnings);
      job.accepted = true;
      delete poll.trouble;
      delete poll.detail;
      poll.backoffs = 1;
      poll.notBefore = Date.now() + nextDelay(result.retryAfter, 0, limits, Math.random);
      return;
    }
    poll.trouble = addTrouble(poll.trouble, 'outage', Date.now());
    poll.detail = `kick-off: ${detailOf(result)}`;
    if (isFinal(poll.trouble, Date.now(), limits)) throw failure('ServerUnavailable', poll.detail);
    const delay = nextDelay(result.retryAfter, poll.trouble.times - 1, limits, Math.random);
    poll.notBefore = Date.now() + delay;
    await run.waitUntil(poll.notBefore, `kick-off again in ${Math.ceil(delay / 1000)} s`);
    await run.continueIfLong();
  }
}
