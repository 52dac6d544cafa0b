import { ApplicationFailure, defineUpdate, log, patched, setHandler } from '@temporalio/workflow';
import type { FindFilesResult } from '../activities/find-files.ts';
import type { FinishInput, PauseInput, RetryInput, Steered } from '../steering-contract.ts';
import {
  FINISH_INCOMPLETE,
  GIVE_UP,
  PAUSE,
  RESUME,
  RETRY_FILES,
  SET_CONCURRENCY,
  UPDATE_REFUSED,
} from '../steering-contract.ts';
import { fewNames } from '../policy/short-texts.ts';
import { boundedStep } from './activity-options.ts';
import type { ExportRun } from './export-run.ts';
import { serverOf } from './metrics.ts';
import type { Standing } from './validate-steering.ts';
import {
  faultOfConcurrency,
  faultOfFinish,
  faultOfGiveUp,
  faultOfPause,
  faultOfResume,
  faultOfRetry,
} from './validate-steering.ts';

const pause = defineUpdate<Steered, [input: PauseInput | undefined]>(PAUSE);
const resume = defineUpdate<Steered>(RESUME);
const setConcurrency = defineUpdate<Steered, [most: number]>(SET_CONCURRENCY);
const retryFiles = defineUpdate<Steered, [input: RetryInput | undefined]>(RETRY_FILES);
const finishIncomplete = defineUpdate<Steered, [input: FinishInput]>(FINISH_INCOMPLETE);
const giveUp = defineUpdate<Steered>(GIVE_UP);

/** Milliseconds for finding files by their names. */
const FINDING = 60_000;

/**
 * Takes an operator's updates from now on. What is wrong is refused, and leaves nothing in the history. Updates only
 * change the state.
 */
export function takeUpdates(run: ExportRun): void {
  const { steering } = run;
  // Null is what some clients send for no argument; what throws here would stop the export.
  setHandler(pause, (input) => steer(run, PAUSE, () => steering.pause(input ?? {})), {
    validator: (input) => refuse(faultOfPause(input, standingOf(run))),
    description: 'Pause polls, downloads or all: {"what": "downloads", "now": true}.',
  });
  setHandler(resume, () => steer(run, RESUME, () => steering.resume()), {
    validator: () => refuse(faultOfResume(standingOf(run))),
    description: 'Go on after a pause.',
  });
  setHandler(setConcurrency, (most) => steer(run, SET_CONCURRENCY, () => (steering.concurrency = most)), {
    validator: (most) => refuse(faultOfConcurrency(most, standingOf(run))),
    description: 'Most downloads of this export at a time: a number.',
  });
  setHandler(retryFiles, async (input) => retry(run, input ?? {}), {
    validator: (input) => refuse(faultOfRetry(input, standingOf(run))),
    description: 'Fetch files again that have failed or were put off: all, or {"names": [...]}.',
  });
  setHandler(finishIncomplete, ({ reason }) => end(run, reason), {
    validator: (input) => refuse(faultOfFinish(input, standingOf(run))),
    description: 'End with the files that are there, and a manifest.partial.json of them: {"reason": "..."}.',
  });
  setHandler(giveUp, () => end(run), {
    validator: () => refuse(faultOfGiveUp(standingOf(run))),
    description: 'End without the files that are missing.',
  });
}

async function retry(run: ExportRun, { names }: RetryInput): Promise<Steered> {
  const { missing, lost } = names === undefined ? {} : await findMissing(run, names);
  // Time has passed.
  refuse(faultOfRetry({}, standingOf(run)));
  return steer(run, RETRY_FILES, () => {
    run.steering.retryFiles(missing, lost);
    run.requestPoll();
  });
}

async function findMissing(
  run: ExportRun,
  names: readonly string[],
): Promise<Pick<FindFilesResult, 'missing' | 'lost'>> {
  const { missing, lost, whole, unknown } = await boundedStep('find files by name', FINDING).findFiles({
    ref: run.opened.ref,
    names,
  });
  if (unknown.length > 0) refuse(`names: no file of the export is named ${fewNames(unknown)}`);
  if (missing.length === 0) refuse(`names: complete already: ${fewNames(whole)}`);
  return { missing, lost };
}

function end(run: ExportRun, reason?: string): Steered {
  return steer(run, reason === undefined ? GIVE_UP : FINISH_INCOMPLETE, () => {
    // Nothing is left that a pause could hold.
    if (run.steering.paused !== undefined && patched('an-end-ends-a-pause')) run.steering.resume();
    run.steering.finish(reason);
    // Ends a wait that the loop may be in.
    run.state.pollRequested = true;
  });
}

/** @param update its name, for the log */
function steer(run: ExportRun, update: string, change: () => void): Steered {
  log.info('export steered', { server: serverOf(run), update });
  change();
  run.show();
  const { phase, paused, concurrency, deadline } = run.progress;
  return { phase, paused, concurrency, deadline };
}

function standingOf({ state, steering, job }: ExportRun): Standing {
  return {
    phase: state.phase,
    isPaused: steering.paused !== undefined,
    isComplete: job.complete,
    hasAttachments: job.attachments !== undefined,
  };
}

function refuse(fault: string | undefined): void {
  if (fault === undefined) return;
  throw ApplicationFailure.create({ type: UPDATE_REFUSED, message: `${UPDATE_REFUSED}: ${fault}`, nonRetryable: true });
}
