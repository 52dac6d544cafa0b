import type { CancellationScope } from '@temporalio/workflow';
import { patched, setCurrentDetails } from '@temporalio/workflow';
import type {
  ExportOutcome,
  ExportPhase,
  ExportProgress,
  ExportReport,
  ExportRequest,
  FailureDetails,
} from '../contract.ts';
import { parseDuration } from '../fhir/duration.ts';
import type { Limits } from '../policy/limits.ts';
import { LIMITS } from '../policy/limits.ts';
import { Pace } from '../policy/pace.ts';
import { withSince } from '../policy/with-since.ts';
import type { OpenedExport } from '../activities/open-export.ts';
import { describeProgress, progressOf } from './progress.ts';
import type { BatchesInFlight } from './batches-in-flight.ts';
import type { WaitBounds } from './continue-as-new.ts';
import { continueInNewRun, isLong } from './continue-as-new.ts';
import { metrics, serverOf } from './metrics.ts';
import { setSearchAttributes } from './search-attributes.ts';
import { SlotKeeper } from './slot-keeper.ts';
import type { ExportState, JobState } from './state.ts';
import { Steering } from './steering.ts';
import { TokenKeeper } from './token-keeper.ts';
import { TroubleLines } from './trouble-lines.ts';
import { wait } from './wait.ts';

/** Time for an export whose request names none. */
export const DEFAULT_DEADLINE = 'P30D';

/** Milliseconds of the past by which the Web UI tells the pace. */
const PACE_WINDOW = 600_000;

/** Batches whose workers are remembered: enough to have seen each, and few enough to forget those that are gone. */
const WORKERS_REMEMBERED = 64;

/** One run of an export: its state, and what every phase needs. */
export class ExportRun {
  readonly request: ExportRequest;
  readonly state: ExportState;
  /** Cancelled when the export is to stop: on request, and at its deadline. */
  readonly scope: CancellationScope;
  readonly steering: Steering;
  readonly tokens = new TokenKeeper(this);
  /** What its server's exports share. */
  readonly slots = new SlotKeeper(this);
  /** Those of the manifest that are in flight. */
  fetching: BatchesInFlight | undefined;
  /** Batches of files that are in flight: running, or waiting for a slot of a worker. */
  batches = 0;
  /** The same of attachments, which are no files of the manifest. */
  attachmentBatches = 0;
  readonly #pace = new Pace(PACE_WINDOW);
  readonly #troubleLines = new TroubleLines(this);
  /** Workers that ended the last batches. */
  readonly #workers: string[] = [];
  /** Why the manifest is of no more use, in the server's words or ours. */
  jobEnded: string | undefined;
  /** The server still has that job. */
  jobIsThere = false;
  /** What is being done without which nothing goes on: what Temporal tries again, the workflow does not hear of. */
  #pending: string | undefined;
  /** It goes on in a new run. */
  leaves = false;
  /** What is missing at the end. */
  incomplete: Pick<FailureDetails, 'missing' | 'partialManifest' | 'reason'> = {};
  /** What settling has published: a manifest with its hash, and a report when it is complete. */
  published: { report?: ExportReport; manifestSha256?: string | undefined } = {};

  constructor(request: ExportRequest, state: ExportState, scope: CancellationScope) {
    this.request = request;
    this.state = state;
    this.scope = scope;
    this.steering = new Steering(state);
  }

  get job(): JobState {
    return this.state.job;
  }

  get opened(): OpenedExport {
    if (this.state.opened === undefined) throw new TypeError('the export has not been opened');
    const { opened, job } = this.state;
    // Whatever an activity writes belongs to this job, and to no later one.
    return { ...opened, ref: { ...opened.ref, generation: job.generation } };
  }

  /** Of the request, as they are sent. */
  get parameters(): ExportRequest['parameters'] {
    return withSince(this.request, this.state.opened?.since).parameters;
  }

  /** As recorded when the export was opened; limits that came with a later version have their defaults. */
  get limits(): Limits {
    return { ...LIMITS, ...this.state.opened?.limits };
  }

  /** The export is to stop. Its scope hears of a request one turn after the workflow's own. */
  get stopped(): boolean {
    return this.scope.consideredCancelled || this.scope.parent?.consideredCancelled === true;
  }

  /** An operator is to decide what becomes of missing files, and has not decided to end the export. */
  get waitsForOperator(): boolean {
    return this.request.onIncomplete === 'wait' && this.steering.end === undefined;
  }

  get inFlight(): number {
    return this.batches + this.attachmentBatches;
  }

  get progress(): ExportProgress {
    const slots = (this.state.opened?.maxConcurrentDownloads ?? 0) * Math.max(1, new Set(this.#workers).size);
    return {
      ...progressOf(this.request.server, this.state, Math.min(this.batches, slots)),
      pending: this.#pending,
      deadline: new Date(this.deadline).toISOString(),
      paused: this.steering.paused,
      concurrency: this.state.steering?.concurrency,
    };
  }

  /** Its end at the latest: milliseconds since the epoch. */
  get deadline(): number {
    return this.state.startedAt + (parseDuration(this.request.deadline ?? DEFAULT_DEADLINE) ?? 0);
  }

  /** @param outcome of the last phase */
  enter(phase: ExportPhase, outcome?: ExportOutcome): void {
    if (this.state.phase !== phase) {
      this.state.phase = phase;
      metrics.count('phases_total', { server: serverOf(this), phase });
      setSearchAttributes(this.state.opened?.searchAttributes ?? [], { phase, outcome });
    }
    this.show();
  }

  /** The run ends without a report. */
  end(phase: 'cancelled' | 'failed', outcome: ExportOutcome): void {
    const attributes = this.state.opened?.searchAttributes ?? [];
    this.state.phase = phase;
    metrics.count('phases_total', { server: serverOf(this), phase });
    if (attributes.length > 0 && patched('phase-of-the-end')) setSearchAttributes(attributes, { phase, outcome });
    this.show();
  }

  /** Refreshes what the Web UI shows, and the log says of trouble; an end has a line of its own. */
  show(): void {
    const { progress, job } = this;
    if (progress.phase !== 'failed' && progress.phase !== 'cancelled') this.#troubleLines.note(progress);
    const { files, bytes } = progress;
    if (files !== undefined) this.#pace.add({ time: Date.now(), files: files.done, bytes });
    setCurrentDetails(describeProgress(progress, { seen: job.downloads?.seen, pace: this.#pace.get() }));
  }

  /** Shows what Temporal tries again until it is done; undefined when it is. */
  pends(what: string | undefined): void {
    this.#pending = what;
    this.show();
  }

  /** Notes by which worker a batch was ended. */
  sawWorker(worker: string): void {
    this.#workers.push(worker);
    if (this.#workers.length > WORKERS_REMEMBERED) this.#workers.shift();
  }

  /** Notes trouble with the server, or its end. */
  stands(still: boolean): void {
    if (still) this.state.stillSince ??= Date.now();
    else delete this.state.stillSince;
  }

  /** Ends a wait for the server: an operator wants to go on. */
  requestPoll(): void {
    this.state.pollRequested = true;
    if (patched('poll-now-wakes-downloads')) this.state.wokenAt = Math.max(Date.now(), (this.state.wokenAt ?? 0) + 1);
  }

  /**
   * Waits until a time, or until an operator asks for a poll.
   *
   * @returns whether one asked, and is served: not while what the phase does is paused
   */
  async waitUntil(
    time: number,
    summary: string,
    { unless = () => false, heldUntil }: WaitBounds = {},
  ): Promise<boolean> {
    this.show();
    const isRequested = (): boolean => this.state.pollRequested === true;
    if (!isRequested()) await wait({ until: time, unless: () => isRequested() || unless(), summary });
    if (this.steering.isHeld) await this.hold(heldUntil);
    if (unless() || this.steering.isHeld) return false;
    const isAsked = isRequested();
    delete this.state.pollRequested;
    return isAsked;
  }

  /**
   * Waits while an operator has paused what the phase does, in further runs when the history is long.
   *
   * @param until milliseconds since the epoch: when something else is to be done. Default: nothing is
   */
  async hold(until?: number): Promise<void> {
    this.show();
    // What is in flight belongs to this run.
    const isFull = (): boolean => this.inFlight === 0 && isLong();
    const end = until !== undefined && patched('files-again-while-polls-are-paused') ? until : undefined;
    const isDue = (): boolean => end !== undefined && end <= Date.now();
    while (this.steering.isHeld && !isDue()) {
      await wait({ until: end, unless: () => !this.steering.isHeld || isFull() });
      if (isFull()) await continueInNewRun(this);
    }
    this.show();
  }
}
