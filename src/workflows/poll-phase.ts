import type { PollStatusResult } from '../activities/poll-status.ts';
import { nextDelay } from '../policy/next-delay.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import { isObject } from '../fhir/is-object.ts';
import { failure, noAnswer } from './failure.ts';
import { setMemo } from './memo.ts';
import { metrics, serverOf } from './metrics.ts';
import { hasHeldFiles, pollWait } from './poll-wait.ts';
import { nextTry } from './retry.ts';
import { AT_ONCE, addWarnings } from './state.ts';
import { step } from './activity-options.ts';

/**
 * Polls until the manifest is complete and stored, or until there are files to be fetched meanwhile. Every wait is a
 * timer, so that a server may take weeks.
 *
 * @returns false when the job is gone
 */
export async function pollPhase(run: ExportRun): Promise<boolean> {
  const { poll } = run.job;
  run.enter('waiting');
  for (;;) {
    // Before the wait, which the next run then makes: a poll that an operator asked for does not wait again.
    const waitedFrom = Date.now();
    if ((await pollWait(run)) === 'files') return true;
    metrics.observe('poll_wait_seconds', { server: serverOf(run) }, (Date.now() - waitedFrom) / 1000);
    const result = await run.tokens.use((token) =>
      step(`poll ${poll.polls + 1}`).pollStatus({ ref: run.opened.ref, ...token }),
    );
    poll.polls++;
    const isEarly = poll.isEarly === true || poll.notBefore === AT_ONCE;
    delete poll.isEarly;
    run.stands(result.kind === 'trouble');
    switch (result.kind) {
      case 'complete':
        if (!isObject(result.manifest)) throw noAnswer('pollStatus');
        run.job.manifest = result.manifest;
        run.job.complete = true;
        run.job.completeAt = Date.now();
        countManifest(run, run.job);
        setMemo(run.opened, { location: run.opened.location, transactionTime: result.manifest.transactionTime });
        run.slots.jobIsComplete();
        if (result.filesEnd !== undefined) run.job.filesEnd = result.filesEnd;
        addWarnings(run.state, result.warnings);
        delete poll.trouble;
        delete poll.detail;
        delete poll.serverProgress;
        return true;
      case 'gone':
        poll.detail = detailOf(result);
        return false;
      case 'inProgress':
        delete poll.trouble;
        delete poll.detail;
        noteProgress(run, result);
        if (hasNewFiles(run, result) || hasHeldFiles(run)) return true;
        break;
      case 'trouble':
        if (result.busy === true) run.slots.pressed();
        if (!noteTrouble(run, result, isEarly)) return false;
    }
  }
}

function countManifest(run: ExportRun, { acceptedAt, completeAt }: ExportRun['job']): void {
  if (acceptedAt === undefined || completeAt === undefined) return;
  // Two clocks: that of the worker that kicked off, and Temporal's.
  const seconds = Math.max(0, (completeAt - acceptedAt) / 1000);
  metrics.observe('manifest_seconds', { server: serverOf(run) }, seconds);
}

function noteProgress(run: ExportRun, result: PollStatusResult & { kind: 'inProgress' }): void {
  const { poll } = run.job;
  if (result.progress !== undefined) poll.serverProgress = result.progress;
  // An export that is under way is no trouble: it is asked about as often as the server likes.
  if (result.retryAfter !== undefined) poll.backoffs = 0;
  const delay = nextDelay(result.retryAfter, poll.backoffs, run.limits, Math.random);
  poll.notBefore = Date.now() + Math.max(delay, result.notSooner ?? 0);
  if (result.retryAfter === undefined) poll.backoffs++;
}

/** Notes the pages that are ready (`allowPartialManifests`, Bulk Data IG 3.0). */
function hasNewFiles(run: ExportRun, { manifest }: PollStatusResult & { kind: 'inProgress' }): boolean {
  const { job } = run;
  if (manifest === undefined || manifest.entries <= (job.manifest?.entries ?? 0)) return false;
  job.manifest = manifest;
  job.poll.backoffs = 0;
  return true;
}

/** Returns false when the trouble means that the job is gone; throws when it is final otherwise. */
function noteTrouble(run: ExportRun, result: PollStatusResult & { kind: 'trouble' }, isEarly: boolean): boolean {
  const { poll } = run.job;
  const next = nextTry(poll.trouble, result, run.limits, run.steering.clock);
  poll.detail = detailOf(result);
  // The server may not know the job yet that it has just accepted: such a poll does not count.
  if (!isEarly) poll.trouble = next.trouble;
  if (next.kind === 'final' && !isInLag(run, result)) {
    if (result.cause === 'gone') return false;
    if (result.refused === true) throw failure('ExportFailed', detailOf(result));
    if (result.cause === 'tokenEndpoint')
      throw failure('AuthorizationFailed', `nobody was let in for an hour: ${detailOf(result)}`);
    throw result.cause === 'unusable'
      ? failure(
          'InvalidManifest',
          `the status URL answered ${next.trouble.times} times without a manifest: ${detailOf(result)}`,
        )
      : failure('ServerUnavailable', `the status URL could not be asked: ${detailOf(result)}`);
  }
  const { retryAfter, notSooner = 0 } = result;
  const at =
    next.kind === 'again'
      ? next.at
      : Date.now() + nextDelay(retryAfter, next.trouble.times - 1, run.limits, Math.random);
  poll.notBefore = Math.max(at, Date.now() + notSooner);
  return true;
}

/** Servers that are known for it may not know a job for some time after the kick-off. */
function isInLag(
  { job, opened: { statusLag = 0 } }: ExportRun,
  { cause }: PollStatusResult & { kind: 'trouble' },
): boolean {
  return cause === 'gone' && job.acceptedAt !== undefined && Date.now() < job.acceptedAt + statusLag;
}
