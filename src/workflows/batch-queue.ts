import { patched } from '@temporalio/workflow';
import type { OrdinalRange } from '../policy/batches.ts';
import { toRanges } from '../policy/batches.ts';
import type { Batch } from './batch.ts';
import type { DownloadState, RetryState } from './state.ts';

/** Files to be fetched again above which 0.1.0 started no others. */
const MOST_RETRIES_ONCE = 300;
const FILES_OF_A_RETRY = 50;

/** What the queue keeps in the state. */
export type QueueState = Pick<DownloadState, 'cursor' | 'planned' | 'retries'>;

/** What every batch is given when it is started. */
export type Stamp = Pick<Batch, 'reading' | 'wokenAt'>;

/** Batches that wait to be started: planned ones, and files to be fetched again when their time has come. */
export class BatchQueue {
  readonly #state: QueueState;
  readonly #end: () => number;

  /** @param end ordinal behind the last file that is known */
  constructor(state: QueueState, end: () => number) {
    this.#state = state;
    this.#end = end;
  }

  /** Whether files are left to be started, at whatever time. */
  get hasMore(): boolean {
    return this.#hasUnstarted || this.#state.retries.length > 0;
  }

  /** Whether no file is left that is due by a time (milliseconds since the epoch). */
  isEmptyUntil(time: number): boolean {
    return !this.#hasUnstarted && this.#state.retries.every(({ notBefore }) => notBefore > time);
  }

  /** Whether files are to be planned: none is, there are more, and what waits leaves room for them. */
  get isToBePlanned(): boolean {
    return this.#state.planned.length === 0 && this.#state.cursor < this.#end() && this.#hasRoom;
  }

  /** @param cursor first file that is not in the plan or an earlier one */
  addPlan(batches: readonly OrdinalRange[], cursor: number): void {
    this.#state.cursor = cursor;
    this.#state.planned.push(...batches);
  }

  /**
   * Takes the next batch: files to be fetched again that are due, else a planned one.
   *
   * @param free batches that may be started now, over which the files that are due are spread; fewer than one when the
   *   window has become smaller meanwhile
   * @param withRefused also files whose links have been refused. Default: true
   */
  next(free: number, stamp: Stamp, now: number, withRefused = true): Batch | undefined {
    const due = this.#retries(withRefused).filter(({ notBefore }) => notBefore <= now);
    return this.#nextRetry(free, stamp, due) ?? this.#nextPlanned(stamp);
  }

  /** Puts a batch back that was not fetched, or a part of it. */
  putBack({ ranges, troubles, ages }: Pick<Batch, 'ranges' | 'troubles' | 'ages'>): void {
    if (troubles.size === 0) this.#state.planned.unshift(...ranges);
    for (const [ordinal, trouble] of troubles)
      this.#state.retries.push({ ordinal, trouble, notBefore: 0, age: ages.get(ordinal) });
  }

  /** Files that are to be fetched again at a time of their own. */
  get waiting(): number {
    return this.#state.retries.length;
  }

  /** Adds a file that is fetched again at its time. */
  putOff(retry: RetryState): void {
    this.#state.retries.push(retry);
  }

  /** A file that waits to be fetched again is due at once. @returns whether it does */
  wakeOne(ordinal: number): boolean {
    const retry = this.#state.retries.find((one) => one.ordinal === ordinal);
    if (retry !== undefined) retry.notBefore = 0;
    return retry !== undefined;
  }

  /** Every file is due at once. */
  wake(): void {
    for (const retry of this.#state.retries) retry.notBefore = 0;
  }

  /** Whether files wait until a time, or longer. */
  waitsUntil(time: number): boolean {
    return this.#state.retries.some(({ notBefore }) => notBefore >= time);
  }

  /** Files that wait until a time, or longer, are due at once. */
  wakeBehind(time: number): void {
    for (const retry of this.#state.retries) if (retry.notBefore >= time) retry.notBefore = 0;
  }

  /**
   * When the next batch is due; undefined when there is none.
   *
   * @param heldUntil no batch is started before this time
   * @param withRefused as in {@link next}
   */
  nextDue(heldUntil: number, withRefused = true): number | undefined {
    const times = this.#retries(withRefused).map(({ notBefore }) => Math.max(notBefore, heldUntil));
    if (this.#hasUnstarted && this.#hasRoom) times.push(heldUntil);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get #hasUnstarted(): boolean {
    return this.#state.planned.length > 0 || this.#state.cursor < this.#end();
  }

  get #hasRoom(): boolean {
    return this.#state.retries.length < MOST_RETRIES_ONCE || patched('retries-stop-nobody');
  }

  #nextPlanned(stamp: Stamp): Batch | undefined {
    if (!this.#hasRoom) return undefined;
    const range = this.#state.planned.shift();
    return range === undefined ? undefined : { ranges: [range], troubles: new Map(), ages: new Map(), ...stamp };
  }

  #retries(withRefused: boolean): readonly RetryState[] {
    const { retries } = this.#state;
    return withRefused ? retries : retries.filter(({ trouble, age }) => trouble.cause !== 'link' && age === undefined);
  }

  #nextRetry(free: number, stamp: Stamp, due: RetryState[]): Batch | undefined {
    if (due.length === 0) return undefined;
    // While their links are fresh.
    due.sort((one, other) => Number(other.trouble.cause === 'link') - Number(one.trouble.cause === 'link'));
    const taken = new Set(due.slice(0, Math.min(FILES_OF_A_RETRY, Math.ceil(due.length / Math.max(1, free)))));
    this.#state.retries = this.#state.retries.filter((retry) => !taken.has(retry));
    return {
      ranges: toRanges([...taken].map(({ ordinal }) => ordinal)),
      troubles: new Map([...taken].map(({ ordinal, trouble }) => [ordinal, trouble])),
      ages: new Map([...taken].flatMap(({ ordinal, age }) => (age === undefined ? [] : [[ordinal, age]]))),
      ...stamp,
    };
  }
}
