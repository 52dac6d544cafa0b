import { ApplicationFailure, defineUpdate, setHandler } from '@temporalio/workflow';
import type { PauseInput, Steered } from '../steering-contract.ts';
import { PAUSE, RESUME, SET_CONCURRENCY, UPDATE_REFUSED } from '../steering-contract.ts';
import type { ExportRun } from './export-run.ts';
import type { Standing } from './validate-steering.ts';
import { faultOfConcurrency, faultOfPause, faultOfResume } from './validate-steering.ts';

const pause = defineUpdate<Steered, [input: PauseInput | undefined]>(PAUSE);
const resume = defineUpdate<Steered>(RESUME);
const setConcurrency = defineUpdate<Steered, [most: number]>(SET_CONCURRENCY);

/** Takes an operator's updates from now on. What is wrong is refused, and leaves nothing in the history. */
export function takeUpdates(run: ExportRun): void {
  const { steering } = run;
  setHandler(pause, (input = {}) => steer(run, () => steering.pause(input)), {
    validator: (input) => refuse(faultOfPause(input, standingOf(run))),
    description: 'Pause polls, downloads or all: {"what": "downloads", "now": true}.',
  });
  setHandler(resume, () => steer(run, () => steering.resume()), {
    validator: () => refuse(faultOfResume(standingOf(run))),
    description: 'Go on after a pause.',
  });
  setHandler(setConcurrency, (most) => steer(run, () => (steering.concurrency = most)), {
    validator: (most) => refuse(faultOfConcurrency(most, standingOf(run))),
    description: 'Most downloads of this export at a time: a number.',
  });
}

function steer(run: ExportRun, change: () => void): Steered {
  change();
  run.show();
  const { phase, paused, concurrency, deadline } = run.progress;
  return { phase, paused, concurrency, deadline };
}

function standingOf({ state, steering, job }: ExportRun): Standing {
  return { phase: state.phase, isPaused: steering.paused !== undefined, isComplete: job.complete };
}

function refuse(fault: string | undefined): void {
  if (fault === undefined) return;
  throw ApplicationFailure.create({ type: UPDATE_REFUSED, message: `${UPDATE_REFUSED}: ${fault}`, nonRetryable: true });
}
