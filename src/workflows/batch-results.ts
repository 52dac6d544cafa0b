import { patched } from '@temporalio/workflow';
import type { DownloadFilesResult, LaterFiles } from '../activities/download-files.ts';
import { WARNINGS } from '../contract.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { beforeEnd } from '../policy/before-end.ts';
import type { Trouble } from '../policy/trouble.ts';
import { isFinal, wasTooLate } from '../policy/trouble.ts';
import type { BatchQueue } from './batch-queue.ts';
import type { BatchWindow } from './batch-window.ts';
import type { Batch } from './batch.ts';
import { isStaleLink, ordinalsOf, splitTroubles } from './batch.ts';
import { detailOf } from './earlier-versions.ts';
import type { ExportRun } from './export-run.ts';
import type { FileSet } from './file-set.ts';
import type { LinkRenewal } from './link-renewal.ts';
import { ASKED_BEFORE_THE_END } from './link-renewal.ts';
import type { PutOff } from './file-retry.ts';
import { askedFor, delayOfFile, isBusy, troubleAfter } from './file-retry.ts';
import { metrics, serverOf } from './metrics.ts';
import { addWarnings } from './state.ts';
import type { SteeringState } from './steering-state.ts';

/** Failed files that are remembered one by one; the others are found in another pass. */
const MOST_GIVEN_UP = 1000;
/** Files that must be done before their pace says anything. */
const ENOUGH_FOR_A_PACE = 10;

/** What the results of batches change: counts, files to be fetched again, the window, and what is known of links. */
export class BatchResults {
  readonly #run: ExportRun;
  readonly #files: FileSet;
  readonly #queue: BatchQueue;
  readonly #window: BatchWindow;
  readonly #links: LinkRenewal;
  /** A token that could not be used, and has not been renewed yet. */
  tokenNeeded: TokenNeeded | undefined;
  /** Of workers that obtained no token, since a file came last. */
  tokenTrouble: Trouble | undefined;

  constructor(run: ExportRun, files: FileSet, parts: { queue: BatchQueue; window: BatchWindow; links: LinkRenewal }) {
    this.#run = run;
    this.#files = files;
    this.#queue = parts.queue;
    this.#window = parts.window;
    this.#links = parts.links;
  }

  /** Takes what has become of a batch. */
  take(batch: Batch, result: DownloadFilesResult): void {
    const { state } = this.#files;
    const cameSome = Object.keys(result.done).length > 0;
    this.count(result.done);
    this.#learn(batch, result, cameSome);
    if (result.worker !== undefined) this.#run.sawWorker(result.worker);
    if (cameSome) {
      this.tokenTrouble = undefined;
      this.#run.stands(false);
    }
    if (result.tokenNeeded !== undefined) this.#takeToken(batch, result, result.tokenNeeded);
    for (const ordinal of result.failed) this.#giveUp(ordinal, 'final');
    if (result.refused !== undefined) state.refused = (state.refused ?? 0) + result.refused;
    for (const later of result.later) this.#takeLater(batch, later);
    this.#warnOfExpiry();
    if (result.later.some(isBusy)) return;
    this.#window.widen();
    if (result.later.length === 0) delete state.detail;
  }

  /**
   * Two tokens that were refused for the same file are not why: another one would fare no better. Batches that were
   * in flight then may be refused as well.
   */
  #takeToken(batch: Batch, { later }: DownloadFilesResult, needed: TokenNeeded): void {
    const { state } = this.#files;
    const epoch = this.#run.state.token?.epoch ?? 0;
    const isRefusedAgain = later.some(
      ({ cause, ranges }) =>
        cause === 'token' && ordinalsOf(ranges).some((ordinal) => batch.troubles.get(ordinal)?.cause === 'token'),
    );
    const isOfFile = needed.refused && this.#files.noun === 'file' && (isRefusedAgain || state.goodToken === epoch);
    if (isOfFile && patched('refusals-of-files')) {
      state.goodToken = epoch;
      if (this.tokenNeeded?.refused === true) this.tokenNeeded = undefined;
    } else if (!isOlder(needed, this.tokenNeeded)) this.tokenNeeded = needed;
  }

  /** Counts files that are done; by -1: that are so no longer. */
  count(done: DownloadFilesResult['done'], by: 1 | -1 = 1): void {
    const { state } = this.#files;
    for (const [type, counts] of Object.entries(done)) {
      const seen = (state.seen[type] ??= { files: 0, resources: 0, bytes: 0 });
      seen.files += by * counts.files;
      seen.resources += by * counts.resources;
      seen.bytes += by * counts.bytes;
      if (seen.files === 0) delete state.seen[type];
      state.done += by * counts.files;
    }
  }

  #learn({ ages, reading }: Batch, { worked, later, failed }: DownloadFilesResult, cameSome: boolean): void {
    const missing = new Set([...failed, ...later.flatMap(({ ranges }) => ordinalsOf(ranges))]);
    const refused = [...ages].flatMap(([ordinal, age]) => (missing.has(ordinal) ? [] : age));
    this.#links.learn(cameSome, worked, refused, reading);
  }

  #takeLater(batch: Batch, later: LaterFiles): void {
    if (later.cause === 'untried') return this.#takeUntried(batch, later);
    const { state } = this.#files;
    state.detail = detailOf(later);
    this.#run.stands(true);
    const now = Date.now();
    // Past `Expires` an outage is taken for a link that has ended: the manifest is read again before files are given up.
    const cause = later.cause === 'outage' && this.#links.haveExpired(now) ? 'link' : later.cause;
    if (later.cause === 'link' && later.age !== undefined && this.#links.isOld(later.age))
      return this.#takeOldLink(batch, later.ranges, later.age);
    const ordinals = ordinalsOf(later.ranges);
    const asked = this.#isFromBefore(batch) ? undefined : this.#beforeEnd(askedFor(later), now);
    for (const ordinal of ordinals) this.#takeFile(ordinal, batch, later, { cause, asked, now });
    if (isStaleLink(cause, ordinals, batch)) this.#links.want(batch.reading);
    if (!isBusy(later)) return;
    this.#window.narrow(asked, now);
    // Files at hosts of others say nothing of this server.
    if (later.cause !== 'elsewhere') this.#run.slots.pressed();
  }

  #takeUntried(batch: Batch, later: LaterFiles & { cause: 'untried' }): void {
    this.#queue.putBack(splitTroubles(batch, later.ranges));
    if (later.ended === true) this.#links.want(batch.reading);
    if (later.retryAfter !== undefined && !this.#isFromBefore(batch)) this.#window.hold(Date.now() + later.retryAfter);
  }

  #takeFile(
    ordinal: number,
    batch: Batch,
    later: PutOff,
    { cause, asked, now }: { cause: PutOff['cause']; asked: number | undefined; now: number },
  ): void {
    const { state } = this.#files;
    const { limits } = this.#run;
    this.#countAgain(cause);
    const { clock } = this.#run.steering;
    const trouble = troubleAfter(batch.troubles.get(ordinal), later, { cause, now: clock, least: limits.progress });
    const isLate = wasTooLate(trouble, clock, limits) && !patched('tries-alone-end-files');
    if (isFinal(trouble, clock, limits) || isLate) {
      this.#giveUp(ordinal, trouble.cause);
      if (cause === 'link') state.refused = (state.refused ?? 0) + 1;
    } else if (this.#queue.waiting < limits.mostRetries)
      this.#queue.putOff({ ordinal, trouble, notBefore: now + delayOfFile(trouble, asked, limits) });
    // Second pass: this file was already in trouble when the first of the others was given up.
    else if (state.secondPass === true) this.#giveUp(ordinal, trouble.cause);
    else state.left = (state.left ?? 0) + 1;
  }

  #giveUp(ordinal: number, cause: string): void {
    const { state } = this.#files;
    state.failed++;
    const gaveUp = (state.gaveUp ??= []);
    if (gaveUp.length >= MOST_GIVEN_UP) return;
    gaveUp.push(ordinal);
    ((state.causes ??= {})[cause] ??= []).push(ordinal);
  }

  /**
   * Fetches some files again, as if they had not been tried. Those that run, or have not been tried, are left alone.
   *
   * @param isOver nothing is left to be fetched, so that they are missing in any case
   */
  again({ files = [], lost = {} }: NonNullable<SteeringState['retry']>, isOver: boolean): void {
    const { state } = this.#files;
    for (const ordinal of files) {
      const isGivenUp = state.gaveUp?.includes(ordinal) === true;
      if (this.#queue.wakeOne(ordinal) || (!isGivenUp && !isOver)) continue;
      if (isGivenUp) {
        this.#takeBack(ordinal);
        // Somebody has removed it.
      } else if (lost[ordinal] !== undefined) this.count(lost[ordinal], -1);
      else state.done--;
      const trouble: Trouble = { cause: 'content', since: this.#run.steering.clock, times: 0 };
      this.#queue.putOff({ ordinal, trouble, notBefore: 0 });
    }
    // What is refused again counts again.
    delete state.refused;
  }

  /** One that was given up is no longer. */
  #takeBack(ordinal: number): void {
    const { state } = this.#files;
    const others = (ordinals: readonly number[] = []): number[] => ordinals.filter((one) => one !== ordinal);
    state.gaveUp = others(state.gaveUp);
    const causes = Object.entries(state.causes ?? {}).map(([cause, files]) => [cause, others(files)] as const);
    state.causes = Object.fromEntries(causes.filter(([, files]) => files.length > 0));
    state.failed--;
  }

  #takeOldLink(batch: Batch, ranges: PutOff['ranges'], age: number): void {
    const since = this.#run.steering.clock;
    for (const ordinal of ordinalsOf(ranges)) {
      this.#countAgain('link');
      const trouble = batch.troubles.get(ordinal) ?? { cause: 'link', since, times: 0 };
      this.#queue.putOff({ ordinal, trouble, notBefore: 0, age });
    }
    this.#links.want(batch.reading);
  }

  #countAgain(cause: PutOff['cause']): void {
    const { again } = this.#files.state;
    again[cause] = (again[cause] ?? 0) + 1;
    metrics.count('files_put_off_total', { server: serverOf(this.#run), cause });
  }

  /** A wait that was asked of a batch ends when an operator wants to go on after the batch was started. */
  #isFromBefore({ wokenAt }: Batch): boolean {
    return wokenAt !== this.#run.state.wokenAt;
  }

  /** As much of what the server asked to wait as ends before its files do. */
  #beforeEnd(asked: number | undefined, now: number): number | undefined {
    const bounded = beforeEnd(asked, { now, end: this.#links.filesEnd }, this.#run.limits);
    return bounded === asked || patched(ASKED_BEFORE_THE_END) ? bounded : asked;
  }

  /** Said as soon as the pace shows it, while there is time to do something. */
  #warnOfExpiry(): void {
    const { done, startedAt } = this.#files.state;
    const expires = this.#files.expires();
    if (expires === undefined || done < ENOUGH_FOR_A_PACE) return;
    const end = Date.now() + ((Date.now() - startedAt) / done) * (this.#files.end() - done);
    if (end <= Date.parse(expires)) return;
    addWarnings(this.#run.state, [
      { code: 'LinksExpireSoon', message: `${WARNINGS.LinksExpireSoon} They expire at ${expires}.` },
    ]);
  }
}

function isOlder(one: TokenNeeded, other: TokenNeeded | undefined): boolean {
  return other !== undefined && one.epoch < other.epoch;
}
