import { setTimeout as sleep } from 'node:timers/promises';
import type { Payload } from '@temporalio/common';
import {
  ApplicationFailure,
  CancelledFailure,
  defaultFailureConverter,
  defaultPayloadConverter,
} from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityDeps } from '../../../src/activities/deps.ts';
import { createActivities, createFileActivities } from '../../../src/activities/index.ts';
import type { ExportRequest } from '../../../src/contract.ts';
import { BULK_EXPORT, POLL_NOW, TASK_QUEUE } from '../../../src/contract.ts';
import type { Ending } from '../ending.ts';
import { readable } from '../readable.ts';
import type { SkippingClock } from './clock.ts';
import type { Command, Failure, Job, WorkflowRun, WorkflowRuns } from './workflow-runs.ts';
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

interface Scheduled {
  seq: number;
  type: string;
  input: unknown;
  attempt: number;
  worker: ActivityDeps;
  cancel?: () => void;
  /** Of the latest attempt; what becomes of earlier ones is not told. */
  latest?: object;
  cancelled?: true;
  /** A retry that waits for its time. */
  notBefore?: number;
  started?: true;
}

const MOST_ATTEMPTS = 4;
/** Milliseconds of real time in which every activity has something to say. */
const HANG = 20_000;

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
    const activities = new Map<number, Scheduled>();
    const attempts: Promise<void>[] = [];
    const forgotten: (() => void)[] = [];
    let jobs: Job[] = [start];
    let wake: () => void = () => {};
    const ofRun = activations;
    handle.overtake = () => {
      for (const scheduled of activities.values()) {
        if (!isFileActivity(scheduled) || scheduled.cancel === undefined || scheduled.attempt > 1) continue;
        forgotten.push(scheduled.cancel);
        const worker = simulation.workers[workerTurn++ % simulation.workers.length] as ActivityDeps;
        startActivity(Object.assign(scheduled, { attempt: 2, worker }));
      }
    };
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
            activities.set(seq ?? 0, {
              seq: seq ?? 0,
              type: activityType ?? '',
              input: fromPayload(inputs?.[0]),
              attempt: 1,
              worker: simulation.workers[workerTurn++ % simulation.workers.length] as ActivityDeps,
            });
          } else if (command.requestCancelActivity != null) {
            const found = activities.get(command.requestCancelActivity.seq ?? 0);
            if (found?.cancelled === undefined) cancel(found);
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
        startDue();
        await waitForJobs();
        if (jobs.length === 0) return end({ kind: 'endless', why: `it waits for ${waitedFor() || 'nothing'}` });
        if (Date.now() - startedAt > simulation.longest) return end({ kind: 'endless', why: 'it takes too long' });
      }
    } finally {
      for (const scheduled of activities.values()) cancel(scheduled);
      for (const forget of forgotten) forget();
      // They write to the folder that others read afterwards.
      await Promise.race([Promise.allSettled(attempts), sleep(HANG, undefined, { ref: false })]);
    }

    function end(ending: Ending): undefined {
      simulated.ending = ending;
      return undefined;
    }

    function waitedFor(): string {
      const running = [...activities.values()].filter(({ cancel: stop }) => stop !== undefined);
      return running.map(({ type }) => type).join(', ');
    }

    function cancel(scheduled: Scheduled | undefined): void {
      if (scheduled === undefined) return;
      scheduled.cancelled = true;
      if (scheduled.cancel !== undefined) scheduled.cancel();
      else resolve(scheduled, { cancelled: { failure: toFailure(new CancelledFailure('cancelled')) } });
    }

    function isFileActivity({ type }: Scheduled): boolean {
      return type === 'downloadFiles' || type === 'findAttachments';
    }

    function startDue(): void {
      const running = [...activities.values()].filter((one) => one.cancel !== undefined && isFileActivity(one)).length;
      let free = simulation.slots - running;
      for (const scheduled of activities.values()) {
        if (scheduled.cancel !== undefined || (scheduled.notBefore ?? 0) > Date.now()) continue;
        if (isFileActivity(scheduled) && free-- <= 0) continue;
        startActivity(scheduled);
      }
    }

    function startActivity(scheduled: Scheduled): void {
      const { type, input, attempt, worker } = scheduled;
      const known = { ...createActivities(worker), ...createFileActivities(worker) } as unknown as Record<
        string,
        (input: unknown) => Promise<unknown>
      >;
      const environment = new MockActivityEnvironment(
        { attempt, activityType: type, workflowExecution: { workflowId, runId: run.runId } },
        { logger: SILENT },
      );
      environment.on('heartbeat', (details: unknown) => note('heartbeat', details));
      scheduled.cancel = () => environment.cancel('CANCELLED');
      const token = {};
      scheduled.latest = token;
      const attemptMade = environment.run(known[type] as (input: unknown) => Promise<unknown>, input).then(
        (result) => {
          if (scheduled.latest === token) resolve(scheduled, { completed: { result: toPayload(result) } });
        },
        (error: unknown) => {
          if (scheduled.latest === token) fail(scheduled, error);
        },
      );
      attempts.push(attemptMade);
    }

    function fail(scheduled: Scheduled, error: unknown): void {
      if (error instanceof CancelledFailure) {
        return resolve(scheduled, { cancelled: { failure: toFailure(error) } });
      }
      const failure = toFailure(error);
      if (error instanceof ApplicationFailure && error.nonRetryable === true) {
        return resolve(scheduled, { failed: { failure: wrap(failure, scheduled) } });
      }
      // What is in the table is final; anything else is what nobody has thought of.
      note('attempt failed', failure);
      simulated.problems.push(`${scheduled.type} fails unexpectedly: ${(error as Error).message}`);
      if (scheduled.attempt >= MOST_ATTEMPTS) {
        return resolve(scheduled, { failed: { failure: wrap(failure, scheduled) } });
      }
      scheduled.notBefore = Date.now() + 1000 * 2 ** (scheduled.attempt - 1);
      scheduled.attempt++;
      delete scheduled.cancel;
      wake();
    }

    function resolve(scheduled: Scheduled, result: object): void {
      if (!activities.delete(scheduled.seq)) return;
      const job: Job = { resolveActivity: { seq: scheduled.seq, result, isLocal: false } };
      note(`result of ${scheduled.type}`, job);
      jobs.push(job);
      wake();
    }

    async function waitForJobs(): Promise<void> {
      while (jobs.length === 0) {
        const now = Date.now();
        for (const [seq, at] of timers) {
          if (at > now) continue;
          timers.delete(seq);
          jobs.push({ fireTimer: { seq } });
        }
        startDue();
        if (jobs.length > 0) return;
        const running = [...activities.values()].some(({ cancel: stop }) => stop !== undefined);
        const times = [...timers.values(), ...[...activities.values()].flatMap(({ notBefore = [] }) => notBefore)];
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

const SILENT = Object.fromEntries(
  ['log', 'trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, () => {}]),
) as unknown as NonNullable<ConstructorParameters<typeof MockActivityEnvironment>[1]>['logger'] & object;

function toFailure(error: unknown): Failure {
  return defaultFailureConverter.errorToFailure(error, defaultPayloadConverter);
}

/** As a server reports it to the workflow. */
function wrap(cause: Failure, { type, seq }: Scheduled): Failure {
  return {
    message: 'Activity task failed',
    cause,
    activityFailureInfo: {
      activityType: { name: type },
      activityId: String(seq),
      identity: 'test',
    },
  };
}
