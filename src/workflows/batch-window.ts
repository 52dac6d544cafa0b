import { patched } from '@temporalio/workflow';
import type { OpenedExport } from '../activities/open-export.ts';
import type { Limits } from '../policy/limits.ts';
import { nextDelay } from '../policy/next-delay.ts';
import type { DownloadState } from './state.ts';

/** Batches in flight for each download that one worker may run at once: work for some workers, and no more. */
const WORKERS_FED = 4;
const WIDEST_WINDOW = 64;

/** Batches that may be in flight at most. */
export function widestWindow({ maxConcurrentDownloads }: Pick<OpenedExport, 'maxConcurrentDownloads'>): number {
  return Math.min(WIDEST_WINDOW, maxConcurrentDownloads * WORKERS_FED);
}

/** What the window keeps in the state. */
export type WindowState = Pick<DownloadState, 'window' | 'holdUntil' | 'busyTimes'>;

/** How many batches may be in flight: fewer when the server is busy, which also holds all others for a time. */
export class BatchWindow {
  readonly #state: WindowState;
  readonly #widest: number;
  readonly #limits: Limits;
  readonly #share: () => number;

  /**
   * @param widest batches that may be in flight at most
   * @param share of all downloads that the server's exports may have; default: no limit
   */
  constructor(state: WindowState, widest: number, limits: Limits, share: () => number = () => Infinity) {
    this.#state = state;
    this.#widest = widest;
    this.#limits = limits;
    this.#share = share;
  }

  /** Batches that may be started beside those in flight, when nothing holds them; negative when there are too many. */
  free(inFlight: number): number {
    return Math.min(this.#state.window, this.#share()) - inFlight;
  }

  /** No batch is started before this time: milliseconds since the epoch. */
  get heldUntil(): number {
    return this.#state.holdUntil;
  }

  /** Starts no batch before a time. */
  hold(until: number): void {
    this.#state.holdUntil = Math.max(this.#state.holdUntil, until);
  }

  /** Ends a hold. */
  release(): void {
    this.#state.holdUntil = 0;
  }

  /** A batch went through without a busy server. */
  widen(): void {
    this.#state.busyTimes = 0;
    this.#state.window = Math.min(this.#widest, this.#state.window + 1);
  }

  /**
   * The server is busy: half as many batches, and none for a time.
   *
   * @param askedFor milliseconds that the server asked to wait
   */
  narrow(askedFor: number | undefined, now: number): void {
    const state = this.#state;
    state.window = Math.max(1, Math.floor(state.window / 2));
    const asked = nextDelay(askedFor, state.busyTimes, this.#limits, Math.random);
    const { hold } = this.#limits;
    const isTooLong = asked > hold && patched('holds-are-bounded');
    // Then one of them asks, and not all.
    if (isTooLong) state.window = 1;
    state.busyTimes++;
    this.hold(now + (isTooLong ? hold : asked));
  }
}
