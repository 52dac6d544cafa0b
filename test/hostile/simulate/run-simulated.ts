import type { Payload } from '@temporalio/common';
import type { ActivityDeps } from '../../../src/activities/deps.ts';
import type { ExportRequest } from '../../../src/contract.ts';
import { BULK_EXPORT, POLL_NOW, TASK_QUEUE } from '../../../src/contract.ts';
import type { Ending } from '../ending.ts';
import { readable } from '../readable.ts';
import type { SkippingClock } from './clock.ts';
import { HANG, RunningActivities } from './running-activities.ts';
import type { Command, Job, WorkflowRun, WorkflowRuns } from './workflow-runs.ts';
import { fromPayload, toPayload, tsToMs } from './workflow-runs.ts';

/** What an operator and Temporal do to an export while it runs. */
export interface Interventions {
  /** `pollNow` in the middle of the waits of these numbers (from 0) that are longer than a minute. */
  pollNow: readonly number[];
  /** The export is cancelled before this activation. */
  cancelAt?: number;
  /** The history is called long after so many activations of a run. */
  continueAfter?: number;
}

export interface Simulation {
  /** The workers of the fleet, by turns. */
  workers: readonly ActivityDeps[];
  slots: number;
  clock: SkippingClock;
  runs: WorkflowRuns;
  interventions: Interventions;
  /** Longest time in milliseconds, skipped time included. */
  longest: number;
  mostActivations: number;
}

/** What can be done to a simulation while it runs. */
export interface Handle {
  /** Attempts every download that is under way once more, on another worker, and forgets what becomes of the first. */
  overtake?(): void;
}

export interface Simulated {
  ending: Ending;
  /** All that Temporal would have kept or shown. */
  history: string[];
  /** Times at which an operator asked for a poll. */
  poked: number[];
  problems: string[];
}

/**
 * Runs an export as Temporal would: the workflow's own code in the SDK's sandbox, the real activities, and timers whose
 * time is skipped when nothing else is under way.
 */
export async function runSimulated(
  simulation: Simulation,
  request: ExportRequest,
  workflowId: string,
  seed: number,
  handle: Handle = {},
): Promise<Simulated> {
  const { clock, runs, interventions } = simulation;
  const simulated: Simulated = { ending: { kind: 'endless', why: '' }, history: [], poked: [], problems: [] };
  const startedAt = Date.now();
  let activations = 0;
  let workerTurn = 0;
  let longWaits = 0;
  let args: Payload[] = [toPayload(request)];
  let firstRunId: string | undefined;
  let continuedFrom: string | undefined;
  let cancelSent = false;
  note('started', args);

  for (;;) {
    const options = { workflowType: BULK_EXPORT, workflowId, taskQueue: TASK_QUEUE };
    const chain = {
      seed: seed + activations,
      ...(firstRunId === undefined ? {} : { firstRunId }),
      ...(continuedFrom === undefined ? {} : { continuedFrom }),
    };
    const { run, start } = await runs.begin(options, args, chain, Date.now());
    firstRunId ??= run.runId;
    const next = await oneRun(run, start);
    await run.dispose();
    if (next === undefined) return simulated;
    args = next;
    continuedFrom = run.runId;
  }

  function note(what: string, value: unknown): void {
    simulated.history.push(`${what} ${JSON.stringify(value, readable)}`);
  }

  async function oneRun(run: WorkflowRun, start: Job): Promise<Payload[] | undefined> {
    const timers = new Map<number, number>();
    let jobs: Job[] = [start];
    let wake: () => void = () => {};
    const ofRun = activations;
    const activities = new RunningActivities({
      nextWorker: () => simulation.workers[workerTurn++ % simulation.workers.length] as ActivityDeps,
      slots: simulation.slots,
      workflowExecution: { workflowId, runId: run.runId },
      note,
      problem: (what) => simulated.problems.push(what),
      resolved: (job) => {
        jobs.push(job);
        wake();
      },
      changed: () => wake(),
    });
    handle.overtake = () => activities.overtake();
    try {
      for (;;) {
        if (!cancelSent && interventions.cancelAt !== undefined && activations - ofRun + 1 > interventions.cancelAt) {
          cancelSent = true;
          jobs.push({ cancelWorkflow: { reason: 'asked for' } });
        }
        activations++;
        const isLong = interventions.continueAfter !== undefined && activations - ofRun > interventions.continueAfter;
        let commands: Command[];
        const batch = jobs;
        jobs = [];
        try {
          commands = await run.activate(batch, Date.now(), isLong);
        } catch (error) {
          return end({ kind: 'endless', why: `a workflow task fails: ${(error as Error).message}` });
        }
        for (const command of commands) {
          note('command', command);
          if (command.startTimer != null) {
            timers.set(command.startTimer.seq ?? 0, Date.now() + tsToMs(command.startTimer.startToFireTimeout));
          } else if (command.cancelTimer != null) timers.delete(command.cancelTimer.seq ?? 0);
          else if (command.scheduleActivity != null) {
            const { seq, activityType, arguments: inputs } = command.scheduleActivity;
            activities.schedule(seq ?? 0, activityType ?? '', fromPayload(inputs?.[0]));
          } else if (command.requestCancelActivity != null) {
            activities.cancel(command.requestCancelActivity.seq ?? 0);
          } else if (command.completeWorkflowExecution != null) {
            const report = fromPayload(command.completeWorkflowExecution.result);
            return end({ kind: 'complete', report: report as never });
          } else if (command.failWorkflowExecution != null) {
            const { failure } = command.failWorkflowExecution;
            return end({
              kind: 'failed',
              code: failure?.applicationFailureInfo?.type ?? '',
              message: failure?.message ?? '',
            });
          } else if (command.cancelWorkflowExecution != null) return end({ kind: 'cancelled' });
          else if (command.continueAsNewWorkflowExecution != null) {
            return command.continueAsNewWorkflowExecution.arguments as Payload[];
          }
        }
        if (activations > simulation.mostActivations) return end({ kind: 'endless', why: 'too many activations' });
        activities.startDue();
        await waitForJobs();
        if (jobs.length === 0) {
          return end({ kind: 'endless', why: `it waits for ${activities.running().join(', ') || 'nothing'}` });
        }
        if (Date.now() - startedAt > simulation.longest) return end({ kind: 'endless', why: 'it takes too long' });
      }
    } finally {
      await activities.end();
    }

    function end(ending: Ending): undefined {
      simulated.ending = ending;
      return undefined;
    }

    async function waitForJobs(): Promise<void> {
      while (jobs.length === 0) {
        const now = Date.now();
        for (const [seq, at] of timers) {
          if (at > now) continue;
          timers.delete(seq);
          jobs.push({ fireTimer: { seq } });
        }
        activities.startDue();
        if (jobs.length > 0) return;
        const running = activities.running().length > 0;
        const times = [...timers.values(), ...activities.times()];
        const due = times.length === 0 ? undefined : Math.min(...times);
        if (running) {
          const left = due === undefined ? HANG : Math.min(HANG, Math.max(1, due - Date.now()));
          const isLate = await new Promise<boolean>((done) => {
            const timer = setTimeout(() => done(left === HANG), left);
            wake = () => {
              clearTimeout(timer);
              done(false);
            };
          });
          if (isLate) return;
          continue;
        }
        if (due === undefined) return;
        skipTo(due);
      }
    }

    function skipTo(due: number): void {
      const wait = due - Date.now();
      const isLong = wait > 60_000;
      if (isLong && interventions.pollNow.includes(longWaits++)) {
        clock.skip(wait / 2);
        simulated.poked.push(Date.now());
        jobs.push({ signalWorkflow: { signalName: POLL_NOW, input: [], identity: 'operator', headers: {} } });
      } else clock.skip(wait);
    }
  }
}
