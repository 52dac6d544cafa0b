import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApplicationFailure,
  CancelledFailure,
  defaultFailureConverter,
  defaultPayloadConverter,
} from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { ActivityDeps } from '../../../src/activities/deps.ts';
import { activityImplementations, createFileActivities } from '../../../src/activities/index.ts';
import type { Failure, Job } from './workflow-runs.ts';
import { toPayload } from './workflow-runs.ts';

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
export const HANG = 20_000;

/** Who runs activities, and who hears of them. */
export interface ActivityFleet {
  /** The worker of the next activity. */
  nextWorker(): ActivityDeps;
  /** Downloads at a time. */
  slots: number;
  workflowExecution: { workflowId: string; runId: string };
  /** All that Temporal would have kept or shown. */
  note(what: string, value: unknown): void;
  problem(what: string): void;
  /** A result for the workflow. */
  resolved(job: Job): void;
  /** An activity has a time of its own now. */
  changed(): void;
}

/** The activities of a run: real ones, tried again as Temporal would. */
export class RunningActivities {
  readonly #fleet: ActivityFleet;
  readonly #scheduled = new Map<number, Scheduled>();
  readonly #attempts: Promise<void>[] = [];
  readonly #forgotten: (() => void)[] = [];

  constructor(fleet: ActivityFleet) {
    this.#fleet = fleet;
  }

  schedule(seq: number, type: string, input: unknown): void {
    this.#scheduled.set(seq, { seq, type, input, attempt: 1, worker: this.#fleet.nextWorker() });
  }

  cancel(seq: number): void {
    const found = this.#scheduled.get(seq);
    if (found !== undefined && found.cancelled === undefined) this.#cancel(found);
  }

  /** Attempts every download that is under way once more, on another worker, and forgets what becomes of the first. */
  overtake(): void {
    for (const scheduled of this.#scheduled.values()) {
      if (!isFileActivity(scheduled) || scheduled.cancel === undefined || scheduled.attempt > 1) continue;
      this.#forgotten.push(scheduled.cancel);
      this.#start(Object.assign(scheduled, { attempt: 2, worker: this.#fleet.nextWorker() }));
    }
  }

  /** Starts those whose time has come and that have a slot. */
  startDue(): void {
    const running = this.#running().filter(isFileActivity).length;
    let free = this.#fleet.slots - running;
    for (const scheduled of this.#scheduled.values()) {
      if (scheduled.cancel !== undefined || (scheduled.notBefore ?? 0) > Date.now()) continue;
      if (isFileActivity(scheduled) && free-- <= 0) continue;
      this.#start(scheduled);
    }
  }

  /** Types of those under way. */
  running(): string[] {
    return this.#running().map(({ type }) => type);
  }

  /** Times of retries. */
  times(): number[] {
    return [...this.#scheduled.values()].flatMap(({ notBefore = [] }) => notBefore);
  }

  /** Cancels all; they write to the folder that others read afterwards. */
  async end(): Promise<void> {
    for (const scheduled of this.#scheduled.values()) this.#cancel(scheduled);
    for (const forget of this.#forgotten) forget();
    await Promise.race([Promise.allSettled(this.#attempts), sleep(HANG, undefined, { ref: false })]);
  }

  #running(): Scheduled[] {
    return [...this.#scheduled.values()].filter(({ cancel }) => cancel !== undefined);
  }

  #cancel(scheduled: Scheduled): void {
    scheduled.cancelled = true;
    if (scheduled.cancel !== undefined) scheduled.cancel();
    else this.#resolve(scheduled, { cancelled: { failure: toFailure(new CancelledFailure('cancelled')) } });
  }

  #start(scheduled: Scheduled): void {
    const { type, input, attempt, worker } = scheduled;
    const known = { ...activityImplementations(worker), ...createFileActivities(worker) } as unknown as Record<
      string,
      (input: unknown) => Promise<unknown>
    >;
    const { workflowExecution, note } = this.#fleet;
    const environment = new MockActivityEnvironment(
      { attempt, activityType: type, workflowExecution },
      { logger: SILENT },
    );
    environment.on('heartbeat', (details: unknown) => note('heartbeat', details));
    scheduled.cancel = () => environment.cancel('CANCELLED');
    const token = {};
    scheduled.latest = token;
    const attemptMade = environment.run(known[type] as (input: unknown) => Promise<unknown>, input).then(
      (result) => {
        if (scheduled.latest === token) this.#resolve(scheduled, { completed: { result: toPayload(result) } });
      },
      (error: unknown) => {
        if (scheduled.latest === token) this.#fail(scheduled, error);
      },
    );
    this.#attempts.push(attemptMade);
  }

  #fail(scheduled: Scheduled, error: unknown): void {
    if (error instanceof CancelledFailure)
      return this.#resolve(scheduled, { cancelled: { failure: toFailure(error) } });
    const failure = toFailure(error);
    if (error instanceof ApplicationFailure && error.nonRetryable === true) {
      return this.#resolve(scheduled, { failed: { failure: wrap(failure, scheduled) } });
    }
    // What is in the table is final; anything else is what nobody has thought of.
    this.#fleet.note('attempt failed', failure);
    this.#fleet.problem(`${scheduled.type} fails unexpectedly: ${(error as Error).message}`);
    if (scheduled.attempt >= MOST_ATTEMPTS) {
      return this.#resolve(scheduled, { failed: { failure: wrap(failure, scheduled) } });
    }
    scheduled.notBefore = Date.now() + 1000 * 2 ** (scheduled.attempt - 1);
    scheduled.attempt++;
    delete scheduled.cancel;
    this.#fleet.changed();
  }

  #resolve(scheduled: Scheduled, result: object): void {
    if (!this.#scheduled.delete(scheduled.seq)) return;
    const job: Job = { resolveActivity: { seq: scheduled.seq, result, isLocal: false } };
    this.#fleet.note(`result of ${scheduled.type}`, job);
    this.#fleet.resolved(job);
  }
}

function isFileActivity({ type }: Scheduled): boolean {
  return type === 'downloadFiles' || type === 'findAttachments';
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
