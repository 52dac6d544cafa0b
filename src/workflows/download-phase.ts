import { CancellationScope, isCancellation, patched } from '@temporalio/workflow';
import type { TokenRef } from '../fhir-server/token-needed.ts';
import { BatchQueue } from './batch-queue.ts';
import { BatchResults } from './batch-results.ts';
import { BatchWindow, widestWindow } from './batch-window.ts';
import type { Batch } from './batch.ts';
import { BatchesInFlight } from './batches-in-flight.ts';
import { continueInNewRun, isLong } from './continue-as-new.ts';
import type { ExportRun } from './export-run.ts';
import { fetchBatch } from './fetch-batch.ts';
import type { FileSet } from './file-set.ts';
import { LinkRenewal } from './link-renewal.ts';
import { nextTime } from './next-time.ts';
import { Passes } from './passes.ts';
import type { DownloadState } from './state.ts';
import { addWarnings } from './state.ts';
import { step } from './activity-options.ts';
import { wait } from './wait.ts';

/** Fetches every file of a set, in a bounded window of batches. */
export class DownloadPhase {
  readonly #run: ExportRun;
  readonly #files: FileSet;
  readonly #state: DownloadState;
  readonly #queue: BatchQueue;
  readonly #window: BatchWindow;
  readonly #passes: Passes;
  readonly #links: LinkRenewal;
  readonly #parts: { queue: BatchQueue; window: BatchWindow; links: LinkRenewal };
  readonly #results: BatchResults;
  readonly #inFlight = new BatchesInFlight();
  /** A batch has ended since this was last looked at. */
  #changed = false;
  #failure: unknown;

  constructor(run: ExportRun, files: FileSet) {
    this.#run = run;
    this.#files = files;
    if (files.noun === 'file') run.fetching = this.#inFlight;
    this.#state = files.state;
    this.#queue = new BatchQueue(files.state, files.end);
    this.#passes = new Passes(run, files, this.#queue);
    this.#window = new BatchWindow(files.state, widestWindow(run.opened), run.limits, () =>
      Math.min(run.slots.share, run.steering.concurrency),
    );
    this.#links = new LinkRenewal(files, run.limits);
    this.#parts = { queue: this.#queue, window: this.#window, links: this.#links };
    this.#results = new BatchResults(run, files, this.#parts);
  }

  /**
   * Ends when every file is done or has failed for good.
   *
   * Returns earlier while the server still works: for files that wait for another try, or because downloads are paused.
   *
   * @returns false when files are missing and the job is gone
   */
  async execute(): Promise<boolean> {
    this.#run.enter('downloading');
    // Asked for when it is needed.
    if (!this.#run.steering.isHeld) this.#run.slots.downloads(true);
    delete this.#state.held;
    const isThere = await this.#fetchAll();
    this.#run.slots.downloads(false);
    return isThere;
  }

  async #fetchAll(): Promise<boolean> {
    try {
      while (!this.#isDone()) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#inFlight.areStopping) await CancellationScope.current().cancelRequested;
        if (isLong()) {
          await this.#inFlight.drain(this.#run.limits.drain);
          if (this.#failure !== undefined) throw this.#failure;
          await continueInNewRun(this.#run);
        }
        if (this.#run.steering.isHeld && !this.#isEnded) {
          if (!(await this.#pause())) return true;
          continue;
        }
        if (this.#isEnded) return true;
        if (this.#run.steering.isRetryWanted) this.#retry();
        this.#wake();
        const isDue = this.#links.isDue(this.#queue.hasMore);
        if (isDue && !(await this.#links.renew(this.#queue))) return this.#isEnded;
        await this.#renewToken();
        await this.#fill();
        if (this.#isPassDone() && this.#passes.hasAnother) this.#passes.begin();
        else await this.#waitForChange();
      }
      return true;
    } finally {
      await this.#inFlight.drain(0);
    }
  }

  #isPassDone(): boolean {
    return this.#passes.isThisDone && this.#inFlight.size === 0 && this.#failure === undefined;
  }

  #isDone(): boolean {
    return this.#isPassDone() && !this.#passes.hasAnother && !this.#run.steering.isRetryWanted;
  }

  /** An operator ends the downloads: files that are not there are missing. */
  get #isEnded(): boolean {
    return this.#run.steering.end !== undefined && this.#run.job.complete;
  }

  /** An operator wants something else than waiting. */
  get #isSteered(): boolean {
    return this.#run.steering.isHeld || this.#isEnded || this.#run.steering.isRetryWanted;
  }

  /** Fetches files again that an operator wants. */
  #retry(): void {
    const { retry } = this.#run.steering;
    this.#run.steering.takeRetry();
    if (retry === undefined || this.#files.noun === 'attachment') return;
    const { failed, gaveUp = [] } = this.#state;
    const isOver = this.#isPassDone();
    // Of those that are too many to be remembered each is tried again.
    if (retry.files !== undefined && failed === gaveUp.length) this.#results.again(retry, isOver);
    else if (isOver || failed > 0) this.#passes.repeat();
  }

  /** Ends all waits when an operator wants it. */
  #wake(): void {
    const { state, job } = this.#run;
    if (!this.#isWoken()) return;
    this.#state.wokenAt = state.wokenAt;
    this.#window.release();
    this.#queue.wake();
    this.#links.wake();
    // While the server still works, the poll is to be woken as well.
    if (job.complete) delete state.pollRequested;
  }

  #isWoken(): boolean {
    return (this.#run.state.wokenAt ?? 0) > (this.#state.wokenAt ?? 0);
  }

  async #renewToken(): Promise<void> {
    const needed = this.#results.tokenNeeded;
    if (needed === undefined) return;
    this.#results.tokenNeeded = undefined;
    this.#results.tokenTrouble = await this.#run.tokens.renew(needed, this.#results.tokenTrouble);
  }

  async #fill(): Promise<void> {
    while (this.#window.free(this.#inFlight.size) > 0 && this.#window.heldUntil <= Date.now() && !this.#mustWait) {
      // Asked for first: while a token is renewed a batch could be cancelled, and must not be lost.
      const token = this.#run.job.manifest?.requiresAccessToken === true ? await this.#run.tokens.current() : {};
      const stamp = { reading: this.#links.reading, wokenAt: this.#run.state.wokenAt };
      const free = this.#window.free(this.#inFlight.size);
      const batch = this.#queue.next(free, stamp, Date.now(), !this.#links.isUnread);
      if (batch !== undefined) this.#start(batch, token);
      else if (this.#queue.isToBePlanned) await this.#plan();
      else return;
    }
  }

  get #mustWait(): boolean {
    return (
      this.#links.isShut ||
      this.#results.tokenNeeded !== undefined ||
      this.#failure !== undefined ||
      // A batch would be cancelled before it begins, put off, and started again, for ever.
      this.#inFlight.areStopping
    );
  }

  async #plan(): Promise<void> {
    const { noun, first } = this.#files;
    const { cursor, seen } = this.#state;
    const plan = await step(`plan from ${noun} ${cursor - first + 1}`).planDownloads({
      ref: this.#run.opened.ref,
      cursor,
      end: this.#files.end(),
      total: this.#files.end() - first,
      seen,
    });
    this.#queue.addPlan(plan.batches, plan.cursor);
    this.#results.count(plan.done);
    addWarnings(this.#run.state, plan.warnings);
  }

  #start(batch: Batch, token: { token?: TokenRef }): void {
    this.#files.running(1);
    this.#inFlight.start(
      batch,
      () => fetchBatch(this.#run, batch, { files: this.#files, links: this.#links, token }),
      (result) => this.#end(() => this.#results.take(batch, result)),
      (error) => this.#end(() => this.#takeError(batch, error)),
    );
  }

  #end(take: () => void): void {
    this.#files.running(-1);
    take();
    this.#changed = true;
    this.#run.show();
  }

  #takeError(batch: Batch, error: unknown): void {
    this.#queue.putBack(batch);
    // A batch that was cancelled has only been put off.
    if (!isCancellation(error)) this.#failure ??= error;
  }

  /** Waits for a batch to end, or for the time at which something put off is due. */
  async #waitForChange(): Promise<void> {
    if (this.#isDone() || this.#failure !== undefined) return;
    const free = (): number => this.#window.free(this.#inFlight.size);
    const isFull = free() <= 0;
    const until = nextTime(this.#parts, isFull, this.#changed);
    const summary = `files again · ${this.#state.detail ?? ''}`.slice(0, 80);
    // Also when the export is allowed more downloads.
    const hasRoom = (): boolean => isFull && free() > 0;
    // What is told to a gate makes events also while nothing else happens.
    const isBounded = this.#run.state.gate !== undefined && patched('downloads-wait-in-runs');
    const unless = (): boolean =>
      this.#changed || this.#isWoken() || hasRoom() || this.#isSteered || (isBounded && isLong());
    await wait({ until, unless, summary });
    this.#changed = false;
  }

  /**
   * Waits while an operator has paused the downloads: what is in flight ends, or is stopped.
   *
   * @returns false when nothing is in flight and the server is to be polled meanwhile
   */
  async #pause(): Promise<boolean> {
    const { steering, slots, job } = this.#run;
    if (steering.stopsNow) await this.#inFlight.stop();
    steering.haveStopped();
    const isStill = this.#inFlight.size === 0;
    if (isStill && !job.complete) return !(this.#state.held = true);
    // Nothing is asked for in vain.
    if (isStill) slots.downloads(false);
    this.#run.show();
    await wait({
      unless: () => !steering.isHeld || steering.stopsNow || this.#changed || this.#isEnded || isLong(),
    });
    this.#changed = false;
    if (!steering.isHeld) slots.downloads(true);
    return true;
  }
}
