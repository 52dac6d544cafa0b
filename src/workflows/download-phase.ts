import { CancellationScope, condition, isCancellation, patched, workflowInfo } from '@temporalio/workflow';
import type { DownloadFilesResult, LaterFiles } from '../activities/download-files.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import type { TokenRef } from '../fhir-server/token-needed.ts';
import { WARNINGS } from '../contract.ts';
import { toRanges } from '../policy/batches.ts';
import { NO_LINKS, areEnding, endOfLinks, goodFor, learn, nextReading, termsOf } from '../policy/link-life.ts';
import type { Trouble } from '../policy/trouble.ts';
import { isFinal, nextDelay } from '../policy/trouble.ts';
import { detailOf } from './earlier-versions.ts';
import type { Batch } from './batch.ts';
import { isStaleLink, ordinalsOf, splitTroubles } from './batch.ts';
import type { ExportRun } from './export-run.ts';
import type { FileSet } from './file-set.ts';
import { widestWindow } from './file-set.ts';
import type { PutOff } from './put-off.ts';
import { askedFor, isBusy, troubleAfter } from './put-off.ts';
import type { DownloadState, RetryState } from './state.ts';
import { addWarnings } from './state.ts';
import { fileStep, step } from './steps.ts';

/** Files to be fetched again above which 0.1.0 started no others. */
const MOST_RETRIES_ONCE = 300;
const FILES_OF_A_RETRY = 50;
/** Files that must be done before their pace says anything. */
const ENOUGH_FOR_A_PACE = 10;

/** Has every file of a set fetched, in a bounded window of batches. */
export class DownloadPhase {
  readonly #run: ExportRun;
  readonly #files: FileSet;
  readonly #state: DownloadState;
  readonly #batches = new Set<Batch>();
  readonly #scope = new CancellationScope();
  #changed = false;
  #failure: unknown;
  #staleLinks = false;
  #tokenNeeded: TokenNeeded | undefined;
  #tokenTrouble: Trouble | undefined;

  constructor(run: ExportRun, files: FileSet) {
    this.#run = run;
    this.#files = files;
    this.#state = files.state;
  }

  /**
   * Ends when every file is done or has failed for good.
   *
   * @returns false when files are missing and the job is gone
   */
  async execute(): Promise<boolean> {
    this.#run.enter('downloading');
    try {
      while (!this.#isDone()) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#scope.consideredCancelled) await CancellationScope.current().cancelRequested;
        if (workflowInfo().continueAsNewSuggested) {
          await this.#drain(this.#run.limits.drain);
          if (this.#failure !== undefined) throw this.#failure;
          await this.#run.continue();
        }
        this.#wake();
        if (this.#mayRead() && !(await this.#readAgain())) return false;
        if (this.#tokenNeeded !== undefined) {
          const needed = this.#tokenNeeded;
          this.#tokenNeeded = undefined;
          this.#tokenTrouble = await this.#run.tokens.renew(needed, this.#tokenTrouble);
        }
        await this.#fill();
        if (this.#isFirstPassDone()) this.#beginSecondPass();
        else await this.#waitForChange();
      }
      return true;
    } finally {
      await this.#drain(0);
    }
  }

  #isDone(): boolean {
    return this.#isPassDone() && (this.#state.left ?? 0) === 0;
  }

  #isFirstPassDone(): boolean {
    return this.#isPassDone() && (this.#state.left ?? 0) > 0;
  }

  #isPassDone(): boolean {
    const { cursor, planned } = this.#state;
    // While the server still works, files that wait for another try do not keep it from being polled.
    const retries = this.#run.job.complete
      ? this.#state.retries
      : this.#state.retries.filter(({ notBefore }) => notBefore <= Date.now());
    return (
      cursor >= this.#files.end() &&
      planned.length === 0 &&
      retries.length === 0 &&
      this.#batches.size === 0 &&
      this.#failure === undefined
    );
  }

  /** Whether links are to be renewed now: because some were refused, or because they end soon. */
  #mayRead(): boolean {
    const links = this.#files.links();
    if (!this.#staleLinks) {
      const isEnding = links !== undefined && this.#hasMore() && areEnding(links, this.#files.read(), Date.now());
      if (!isEnding || !patched('links-end')) return false;
      this.#staleLinks = true;
    }
    return links === undefined || nextReading(links, this.#run.limits) <= Date.now() || !patched('links-end');
  }

  #hasMore(): boolean {
    const { cursor, planned, retries } = this.#state;
    return cursor < this.#files.end() || planned.length > 0 || retries.length > 0;
  }

  /** @returns false when the job is gone */
  async #readAgain(): Promise<boolean> {
    const links = this.#files.links();
    const end = links === undefined ? undefined : endOfLinks(links, this.#files.read());
    if (!(await this.#files.refused())) return false;
    this.#state.reading++;
    this.#staleLinks = false;
    if (links === undefined) return true;
    links.readAt = Date.now();
    links.fruitless++;
    if (end !== undefined) links.readFor = end;
    return true;
  }

  /** As a run that takes the export up: every file that has no receipt is fetched, also those given up, once more. */
  #beginSecondPass(): void {
    const { state } = this.#files;
    delete state.left;
    delete state.refused;
    Object.assign(state, { cursor: this.#files.first, seen: {}, done: 0, failed: 0, startedAt: Date.now() });
    state.secondPass = true;
  }

  /** Ends all waits when an operator wants it. */
  #wake(): void {
    const { state, job } = this.#run;
    if (!this.#isWoken()) return;
    this.#state.wokenAt = state.wokenAt as number;
    this.#state.holdUntil = 0;
    for (const retry of this.#state.retries) retry.notBefore = 0;
    const links = this.#files.links();
    if (links !== undefined) links.readAt = 0;
    // While the server still works, the poll is to be woken as well.
    if (job.complete) delete state.pollRequested;
  }

  /** A wait that was asked of a batch ends when an operator wants to go on after the batch was started. */
  #isFromBefore({ wokenAt }: Batch): boolean {
    return wokenAt !== this.#run.state.wokenAt;
  }

  #isWoken(): boolean {
    return (this.#run.state.wokenAt ?? 0) > (this.#state.wokenAt ?? 0);
  }

  get #hasRoom(): boolean {
    const { length } = this.#state.retries;
    return length < MOST_RETRIES_ONCE || patched('retries-stop-nobody');
  }

  async #fill(): Promise<void> {
    const state = this.#state;
    while (this.#batches.size < state.window && state.holdUntil <= Date.now() && !this.#mustWait) {
      // Asked for first: while a token is renewed a batch could be cancelled, and must not be lost.
      const token = this.#run.job.manifest?.requiresAccessToken === true ? await this.#run.tokens.current() : {};
      const batch = this.#nextRetry() ?? this.#nextPlanned();
      if (batch !== undefined) this.#start(batch, token);
      else if (state.planned.length === 0 && state.cursor < this.#files.end() && this.#hasRoom) await this.#plan();
      else return;
    }
  }

  get #mustWait(): boolean {
    return (
      this.#staleLinks ||
      this.#tokenNeeded !== undefined ||
      this.#failure !== undefined ||
      // A batch would be cancelled before it begins, put off, and started again, for ever.
      this.#scope.consideredCancelled
    );
  }

  async #plan(): Promise<void> {
    const { ref } = this.#run.opened;
    const { noun, first } = this.#files;
    const { cursor, seen } = this.#state;
    const plan = await step(`plan from ${noun} ${cursor - first + 1}`).planDownloads({
      ref,
      cursor,
      end: this.#files.end(),
      total: this.#files.end() - first,
      seen,
    });
    this.#state.cursor = plan.cursor;
    this.#state.planned.push(...plan.batches);
    this.#count(plan.done);
    addWarnings(this.#run.state, plan.warnings);
  }

  #nextPlanned(): Batch | undefined {
    if (!this.#hasRoom) return undefined;
    const range = this.#state.planned.shift();
    return range === undefined ? undefined : { ranges: [range], troubles: new Map(), ages: new Map(), ...this.#stamp };
  }

  #nextRetry(): Batch | undefined {
    const now = Date.now();
    const due = this.#state.retries.filter(({ notBefore }) => notBefore <= now);
    if (due.length === 0) return undefined;
    // While their links are fresh.
    due.sort((one, other) => Number(other.trouble.cause === 'link') - Number(one.trouble.cause === 'link'));
    const free = this.#state.window - this.#batches.size;
    const taken = new Set(due.slice(0, Math.min(FILES_OF_A_RETRY, Math.ceil(due.length / free))));
    this.#state.retries = this.#state.retries.filter((retry) => !taken.has(retry));
    return {
      ranges: toRanges([...taken].map(({ ordinal }) => ordinal)),
      troubles: new Map([...taken].map(({ ordinal, trouble }) => [ordinal, trouble])),
      ages: new Map([...taken].flatMap(({ ordinal, age }) => (age === undefined ? [] : [[ordinal, age]]))),
      ...this.#stamp,
    };
  }

  get #stamp(): Pick<Batch, 'reading' | 'wokenAt'> {
    return { reading: this.#state.reading, wokenAt: this.#run.state.wokenAt };
  }

  #start(batch: Batch, token: { token?: TokenRef }): void {
    this.#batches.add(batch);
    this.#files.running(1);
    const { state, job } = this.#run;
    const { ref } = this.#run.opened;
    const links = this.#files.links();
    const work = this.#scope.run(() =>
      fileStep(this.#run.opened, this.#summary(batch)).downloadFiles({
        ref,
        generation: job.generation,
        ranges: batch.ranges,
        retry: batch.troubles.size > 0,
        ...(this.#files.tokenIsGood() ? { tokenIsGood: true as const } : {}),
        ...(links === undefined ? {} : { links: termsOf(links, this.#run.limits) }),
        ...(state.wokenAt === undefined ? {} : { wokenAt: state.wokenAt }),
        ...token,
      }),
    );
    void work.then(
      (result) => this.#end(batch, () => this.#take(batch, result)),
      (error: unknown) => this.#end(batch, () => this.#takeError(batch, error)),
    );
  }

  #summary({ ranges, troubles }: Batch): string {
    const { noun, first, end } = this.#files;
    const [from, to] = [(ranges[0]?.[0] ?? 0) - first, (ranges.at(-1)?.[1] ?? 0) - first];
    const files = to - from === 1 ? `${noun} ${from + 1}` : `${noun}s ${from + 1}-${to}`;
    return `${files} of ${end() - first}${troubles.size > 0 ? ' again' : ''}`;
  }

  #end(batch: Batch, take: () => void): void {
    this.#batches.delete(batch);
    this.#files.running(-1);
    take();
    this.#changed = true;
    this.#run.show();
  }

  #takeError(batch: Batch, error: unknown): void {
    this.#requeue(batch);
    // A batch that was cancelled has only been put off.
    if (!isCancellation(error)) this.#failure ??= error;
  }

  #requeue({ ranges, troubles, ages }: Batch): void {
    if (troubles.size === 0) this.#state.planned.unshift(...ranges);
    for (const [ordinal, trouble] of troubles) {
      const age = ages.get(ordinal);
      this.#state.retries.push({ ordinal, trouble, notBefore: 0, ...(age === undefined ? {} : { age }) });
    }
  }

  #take(batch: Batch, result: DownloadFilesResult): void {
    const state = this.#state;
    this.#count(result.done);
    this.#learn(batch, result);
    if (result.worker !== undefined) this.#run.sawWorker(result.worker);
    if (Object.keys(result.done).length > 0) {
      this.#tokenTrouble = undefined;
      this.#run.stands(false);
    }
    if (result.tokenNeeded !== undefined && !isOlder(result.tokenNeeded, this.#tokenNeeded))
      this.#tokenNeeded = result.tokenNeeded;
    state.failed += result.failed.length;
    for (const later of result.later) this.#takeLater(batch, later);
    this.#warnOfExpiry();
    if (result.later.some(isBusy)) return;
    state.busyTimes = 0;
    state.window = Math.min(widestWindow(this.#run), state.window + 1);
    if (result.later.length === 0) delete state.detail;
  }

  #learn({ ages, reading }: Batch, { worked, later, failed, done }: DownloadFilesResult): void {
    const links = this.#files.links();
    if (links === undefined) return;
    if (Object.keys(done).length > 0) links.fruitless = 0;
    const missing = new Set([...failed, ...later.flatMap(({ ranges }) => ordinalsOf(ranges))]);
    learn(
      links,
      worked,
      [...ages].flatMap(([ordinal, age]) => (missing.has(ordinal) ? [] : age)),
      reading,
    );
  }

  #takeLater(batch: Batch, later: LaterFiles): void {
    const state = this.#state;
    if (later.cause === 'untried') {
      this.#requeue({ ...batch, ...splitTroubles(batch, later.ranges) });
      if (later.ended === true && batch.reading === state.reading) this.#staleLinks = true;
      if (later.retryAfter !== undefined && !this.#isFromBefore(batch))
        state.holdUntil = Math.max(state.holdUntil, Date.now() + later.retryAfter);
      return;
    }
    state.detail = detailOf(later);
    this.#run.stands(true);
    const now = Date.now();
    const cause = this.#causeOf(later, now);
    if (this.#isOfOldLink(later)) return this.#takeOldLink(batch, later, now);
    const ordinals = ordinalsOf(later.ranges);
    const { limits } = this.#run;
    const asked = this.#isFromBefore(batch) ? undefined : askedFor(later);
    for (const ordinal of ordinals) {
      state.again[cause] = (state.again[cause] ?? 0) + 1;
      const trouble = troubleAfter(batch.troubles.get(ordinal), later, { cause, now, least: limits.progress });
      if (isFinal(trouble, now, limits)) {
        state.failed++;
        if (cause === 'link') state.refused = (state.refused ?? 0) + 1;
      } else if (state.retries.length < limits.mostRetries)
        state.retries.push(this.#retry(ordinal, trouble, asked, now));
      // A second time it has been in trouble since before the first of the others was given up.
      else if (state.secondPass === true) state.failed++;
      else state.left = (state.left ?? 0) + 1;
    }
    // A link may have been renewed since this batch was started; then the new one is tried first.
    if (batch.reading === state.reading && isStaleLink(cause, ordinals, batch)) this.#staleLinks = true;
    if (isBusy(later)) this.#slowDown(asked, now);
  }

  /** The link may have ended while its file waited, and the refusal means nothing. */
  #isOfOldLink(later: PutOff): later is PutOff & { age: number } {
    const links = this.#files.links();
    if (later.cause !== 'link' || later.age === undefined || links === undefined) return false;
    return later.age > goodFor(links, this.#run.limits);
  }

  #takeOldLink(batch: Batch, { ranges, age }: PutOff & { age: number }, now: number): void {
    const { again, retries, reading } = this.#state;
    for (const ordinal of ordinalsOf(ranges)) {
      again['link'] = (again['link'] ?? 0) + 1;
      const trouble = batch.troubles.get(ordinal) ?? { cause: 'link', since: now, times: 0 };
      retries.push({ ordinal, trouble, notBefore: 0, age });
    }
    if (batch.reading === reading) this.#staleLinks = true;
  }

  /** Said as soon as the pace shows it, while there is time to do something. */
  #warnOfExpiry(): void {
    const { done, startedAt } = this.#state;
    const expires = this.#files.expires();
    if (expires === undefined || done < ENOUGH_FOR_A_PACE) return;
    const end = Date.now() + ((Date.now() - startedAt) / done) * (this.#files.end() - done);
    if (end <= Date.parse(expires)) return;
    addWarnings(this.#run.state, [
      { code: 'LinksExpireSoon', message: `${WARNINGS.LinksExpireSoon} They expire at ${expires}.` },
    ]);
  }

  /** Past `Expires` an outage is taken for a link that has ended: the manifest is read again before files are given up. */
  #causeOf({ cause }: PutOff, now: number): PutOff['cause'] {
    const expires = this.#files.expires();
    if (cause === 'outage' && expires !== undefined && now > Date.parse(expires)) return 'link';
    return cause;
  }

  #retry(ordinal: number, trouble: Trouble, asked: number | undefined, now: number): RetryState {
    const delay =
      trouble.cause === 'outage' || trouble.cause === 'elsewhere'
        ? nextDelay(asked, trouble.times - 1, this.#run.limits, Math.random)
        : trouble.cause === 'token' && trouble.times === 1
          ? 0
          : this.#run.limits.fileRetry * 5 ** (trouble.times - 1);
    return { ordinal, trouble, notBefore: now + Math.min(delay, this.#run.limits.fileWait) };
  }

  #slowDown(askedFor: number | undefined, now: number): void {
    const state = this.#state;
    state.window = Math.max(1, Math.floor(state.window / 2));
    const asked = nextDelay(askedFor, state.busyTimes, this.#run.limits, Math.random);
    const { hold } = this.#run.limits;
    const isTooLong = asked > hold && patched('holds-are-bounded');
    const delay = isTooLong ? hold : asked;
    // Then one of them asks, and not all.
    if (isTooLong) state.window = 1;
    state.busyTimes++;
    state.holdUntil = Math.max(state.holdUntil, now + delay);
  }

  /** Waits for a batch to end, or for the time at which something put off is due. */
  async #waitForChange(): Promise<void> {
    if (this.#isDone() || this.#failure !== undefined) return;
    const changed = (): boolean => this.#changed || this.#isWoken();
    const due =
      this.#staleLinks && !this.#changed
        ? nextReading(this.#files.links() ?? NO_LINKS, this.#run.limits)
        : this.#batches.size < this.#state.window
          ? this.#nextDue()
          : undefined;
    if (due === undefined) await condition(changed);
    else if (due > Date.now())
      await condition(changed, due - Date.now(), { summary: `files again · ${this.#state.detail ?? ''}`.slice(0, 80) });
    this.#changed = false;
  }

  #nextDue(): number | undefined {
    const { holdUntil, planned, retries, cursor } = this.#state;
    const waiting = planned.length > 0 || cursor < this.#files.end();
    const times = retries.map(({ notBefore }) => Math.max(notBefore, holdUntil));
    if (waiting && this.#hasRoom) times.push(holdUntil);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Waits for the batches in flight and cancels what has not ended in time; cancelled ones are put off. */
  async #drain(time: number): Promise<void> {
    const empty = (): boolean => this.#batches.size === 0;
    if (empty()) return;
    await CancellationScope.nonCancellable(async () => {
      if (time > 0 && (await condition(empty, time))) return;
      this.#scope.cancel();
      await condition(empty);
    });
  }

  #count(done: DownloadFilesResult['done']): void {
    for (const [type, counts] of Object.entries(done)) {
      const seen = (this.#state.seen[type] ??= { files: 0, resources: 0, bytes: 0 });
      seen.files += counts.files;
      seen.resources += counts.resources;
      seen.bytes += counts.bytes;
      this.#state.done += counts.files;
    }
  }
}

function isOlder(one: TokenNeeded, other: TokenNeeded | undefined): boolean {
  return other !== undefined && one.epoch < other.epoch;
}
