import { patched } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { ExportRequest, Warning } from '../contract.ts';
import { isExport } from '../fhir/operations.ts';
import { nextDelay } from '../policy/next-delay.ts';
import { detailOf } from './earlier-versions.ts';
import type { KickOffInput, KickOffResult } from '../activities/kick-off.ts';
import { continueIfLong, waitInRuns } from './continue-as-new.ts';
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
  const { job, steering } = run;
  const { poll } = job;
  const kickOff = kickOffOf(request.operation, `kick-off ${request.level} ${request.groupId ?? ''}`.trim());
  if (poll.refusals === undefined) run.enter('kick-off');
  // The wait of the run before.
  else if (state.gate !== undefined) await waitInRuns(run, poll.notBefore, summaryOfWait(poll.notBefore));
  for (;;) {
    if (steering.isHeld) await run.hold();
    const result = await run.tokens.use((token) =>
      kickOff({
        ...token,
        ref: run.opened.ref,
        request: kickOffRequestOf(run),
        generation: job.generation,
        ...lacksOf(state.warnings),
      }),
    );
    const isRefused = result.kind === 'trouble' && result.noSlot === true && patched('refused-kick-offs-wait');
    run.stands(result.kind !== 'accepted' && !isRefused);
    if (result.kind === 'accepted') {
      addWarnings(state, result.warnings);
      job.accepted = true;
      if (result.acceptedAt !== undefined) job.acceptedAt = result.acceptedAt;
      delete poll.trouble;
      delete poll.refusals;
      delete poll.detail;
      setFirstPoll(run, result);
      return;
    }
    addWarnings(state, result.warnings ?? []);
    if (isRefused) {
      await waitForServer(run, result);
      continue;
    }
    if (poll.refusals !== undefined) run.enter('kick-off');
    delete poll.refusals;
    const next = nextTry(poll.trouble, { cause: 'outage', retryAfter: result.retryAfter }, limits, steering.clock);
    poll.trouble = next.trouble;
    poll.detail = `kick-off: ${detailOf(result)}`;
    if (next.kind === 'final') throw failure('ServerUnavailable', poll.detail);
    poll.notBefore = next.at;
    await run.waitUntil(next.at, `kick-off again in ${secondsUntil(next.at)} s`);
    await continueIfLong(run);
  }
}

/** What the token lacks with which a job is started: a later run that continues the job may have a better one. */
function lacksOf(warnings: readonly Warning[]): Pick<KickOffInput, 'warnings'> {
  const lacks = warnings.filter(({ code }) => code === 'ScopeNarrower');
  return lacks.length === 0 ? {} : { warnings: lacks };
}

/** What a kick-off goes by. */
export function kickOffRequestOf({ request, parameters }: ExportRun): KickOffInput['request'] {
  const { level, groupId, operation, prefer, attachments } = request;
  return { level, groupId, operation, parameters, prefer, attachments };
}

/**
 * Sets the time of the first poll. Where the server names none, it comes after a moment: one at once would find small jobs
 * unfinished, and then wait as long as that answer asks, which can be minutes.
 */
function setFirstPoll(run: ExportRun, accepted: KickOffResult & { kind: 'accepted' }): void {
  const { poll } = run.job;
  const { pollSoon, pollAtOnce, retryAfter } = accepted;
  if (pollSoon || pollAtOnce) {
    poll.backoffs = 0;
    poll.isEarly = true;
    poll.notBefore = pollSoon ? Date.now() + run.limits.firstPoll : AT_ONCE;
    return;
  }
  poll.backoffs = 1;
  poll.notBefore = Date.now() + nextDelay(retryAfter, 0, run.limits, Math.random);
}

/** Workers of a version that has no other operation do not know the name, so that none of them sends `$export` instead. */
function kickOffOf(operation: ExportRequest['operation'], summary: string): Activities['kickOff'] {
  const { kickOff, kickOffOperation } = step(summary);
  return isExport(operation) ? kickOff : kickOffOperation;
}

/**
 * All slots of the server are taken, by whomever. That is no fault, and ends nothing: the kick-off is tried again when the
 * server says, until the deadline.
 */
async function waitForServer(
  run: ExportRun,
  result: { detail: string; retryAfter?: number | undefined },
): Promise<void> {
  const { poll } = run.job;
  poll.refusals = (poll.refusals ?? 0) + 1;
  delete poll.trouble;
  poll.detail = `kick-off: ${detailOf(result)}`;
  poll.notBefore = Date.now() + nextDelay(result.retryAfter, poll.refusals - 1, run.limits, Math.random);
  run.enter('queued');
  if (run.state.gate !== undefined) return waitInRuns(run, poll.notBefore, summaryOfWait(poll.notBefore));
  await run.waitUntil(poll.notBefore, summaryOfWait(poll.notBefore));
  await continueIfLong(run);
}

function summaryOfWait(until: number): string {
  return `the server has no slot, kick-off again in ${secondsUntil(until)} s`;
}
