import { patched } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { ExportRequest, Warning } from '../contract.ts';
import { isExport } from '../fhir/operations.ts';
import { nextDelay } from '../policy/next-delay.ts';
import { detailOf } from './earlier-versions.ts';
import type { KickOffInput, KickOffResult } from '../activities/kick-off.ts';
import { continueIfLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { failure } from './failure.ts';
import { noteNoJob, noteRefusal, waitRefused } from './refused-kick-off.ts';
import { nextTry, secondsUntil } from './retry.ts';
import { AT_ONCE, addWarnings } from './state.ts';
import { step } from './activity-options.ts';

/**
 * Starts the export on the server. A server that is busy or unreachable is asked again when it says; one that refuses
 * ends the run.
 *
 * @returns false when the export has given its slot back instead, and is to ask for one again
 */
export async function kickOffPhase(run: ExportRun): Promise<boolean> {
  const { state, request, limits } = run;
  const { job, steering } = run;
  const { poll } = job;
  const kickOff = kickOffOf(request.operation, `kick-off ${request.level} ${request.groupId ?? ''}`.trim());
  if (poll.refusals === undefined) run.enter('kick-off');
  // The wait of the run before.
  const hasWait = poll.refusals !== undefined || poll.noJob !== undefined;
  if (hasWait && state.gate !== undefined && poll.notBefore !== AT_ONCE && !(await waitRefused(run))) return false;
  for (;;) {
    if (steering.isHeld) {
      if (standsBack(run)) return false;
      await run.hold();
    }
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
      delete state.gate?.keptUntil;
      if (result.acceptedAt !== undefined) job.acceptedAt = result.acceptedAt;
      delete poll.trouble;
      delete poll.lasted;
      delete poll.refusals;
      delete poll.noJob;
      delete poll.detail;
      setFirstPoll(run, result);
      return true;
    }
    addWarnings(state, result.warnings ?? []);
    if (isRefused) {
      noteRefusal(run, result);
      if (!(await waitRefused(run))) return false;
      continue;
    }
    run.slots.heard(result);
    if (poll.refusals !== undefined) run.enter('kick-off');
    delete poll.refusals;
    const next = nextTry(poll.trouble, { cause: 'outage', retryAfter: result.retryAfter }, limits, steering.clock);
    poll.trouble = next.trouble;
    poll.detail = `kick-off: ${detailOf(result)}`;
    if (next.kind === 'final') throw failure('ServerUnavailable', poll.detail);
    poll.notBefore = next.at;
    if (noteNoJob(run, result)) {
      if (!(await waitRefused(run))) return false;
      continue;
    }
    await run.waitUntil(next.at, `kick-off again in ${secondsUntil(next.at)} s`);
    await continueIfLong(run);
  }
}

/**
 * Gives the slot back while an operator has paused the export, so that others have it. After an outage it is kept if the
 * server may have started the job. So it is where the server has the job of an earlier run: the kick-off only finds it.
 */
function standsBack({ slots, job: { poll }, state }: ExportRun): boolean {
  const mayHaveJob = poll.trouble !== undefined && poll.noJob === undefined;
  if (!slots.hasSlot || state.gate?.ofEarlierRun === true || mayHaveJob) return false;
  if (!patched('paused-exports-leave-the-queue')) return false;
  slots.standBack();
  return true;
}

/** What the token lacks with which a job is started: a later run that continues the job may have a better one. */
function lacksOf(warnings: readonly Warning[]): Pick<KickOffInput, 'warnings'> {
  const lacks = warnings.filter(({ code }) => code === 'ScopeNarrower');
  return lacks.length === 0 ? {} : { warnings: lacks };
}

/** What a kick-off goes by. */
export function kickOffRequestOf({
  request,
  parameters,
}: Pick<ExportRun, 'request' | 'parameters'>): KickOffInput['request'] {
  const { level, groupId, operation, prefer, attachments, newMembersOf } = request;
  const ofWhom = newMembersOf === undefined ? {} : { newMembersOf };
  return { level, groupId, operation, parameters, prefer, attachments, ...ofWhom };
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
