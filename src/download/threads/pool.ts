import type { AnswerOf } from '../../http/messages.ts';
import type { ThreadLimits } from './download-thread.ts';
import { DownloadThread } from './download-thread.ts';
import type { FetchWatch, Fetched } from './fetched.ts';
import type { FileOrder, ThreadSetup } from './messages.ts';
import { Suspects } from './suspects.ts';
import { NoThreadError, ThreadEndedError } from './thread-errors.ts';

/** Milliseconds without work after which a thread ends: it holds memory, and starts again within a blink. */
const IDLE = 10_000;
/** Milliseconds without a further thread after one could not be started. */
const PAUSE = 60_000;
/** Threads at once, besides the usual ones, that fetch one file each. */
const MOST_ALONE = 4;
/** Threads that were given up and have not ended: with more of them no other one is started. */
const MOST_STUCK = 4;
/** Milliseconds for which the end of the pool waits for that of its threads. */
const END = 5000;

export interface ThreadPoolOptions {
  /** All that fetch files: this one and others. */
  threads: number;
  setup: ThreadSetup;
  /** The compiled `thread.ts`. Default: the one beside this file. */
  file?: URL;
  /** Milliseconds; default 10 s. */
  idle?: number;
  limits?: Partial<ThreadLimits & { end: number }>;
  /** Called with each answer to a request of another thread. */
  onAnswer?: (answer: AnswerOf) => void;
}

/**
 * The threads of a process that fetch files: this one, and others that start when they are first needed. One thread
 * alone receives, hashes and checks as fast as one processor can; further ones use the others.
 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions;
  readonly #most: number;
  readonly #threads = new Set<DownloadThread>();
  /** Threads that fetch one suspect each. */
  readonly #alone = new Set<DownloadThread>();
  /** All that have not exited, whether they still take orders or not. */
  readonly #running = new Set<DownloadThread>();
  readonly #suspects = new Suspects();
  /** Files that are being fetched in this thread. */
  #here = 0;
  /** No thread is started before: milliseconds since the epoch. */
  #pausedUntil = 0;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.#most = options.threads - 1;
  }

  /**
   * Fetches a file where the fewest are being fetched; a small one in this thread, because elsewhere it has a folder of
   * its own to open, messages to wait for and its name to make durable alone, which costs more than the rest of it.
   *
   * A thread that ends takes all its files along, and one of them may be why. Each is then fetched in a thread that no
   * other file is in, until it has come: so none suffers again from another one, and never in this thread, which would
   * end the worker.
   *
   * @param here fetches it in this thread
   * @throws as `fetchFile`; ThreadEndedError when the thread ends meanwhile; NoThreadError when the file needs a thread
   *   of its own, and cannot have one now
   */
  async fetch(order: FileOrder, watch: FetchWatch, here: () => Promise<Fetched>): Promise<Fetched> {
    const isSuspect = this.#suspects.has(order);
    const thread = isSuspect ? this.#startAlone(watch) : this.#leastBusy(order, watch);
    if (thread === undefined) {
      if (isSuspect) throw new NoThreadError();
      return this.#fetchHere(here);
    }
    try {
      const fetched = await thread.fetch(order, watch);
      if (fetched.kind === 'checked') this.#suspects.delete(order);
      return fetched;
    } catch (error) {
      if (!(error instanceof ThreadEndedError)) throw error;
      if (error.wasReady) throw error;
      this.#pause(error, watch);
      if (isSuspect) throw new NoThreadError();
      return this.#fetchHere(here);
    }
  }

  /** Threads that take orders, this one included. */
  get size(): number {
    return this.#threads.size + this.#alone.size + 1;
  }

  /** Ends the threads, but waits only for a while for those that are in a call of the system which does not return. */
  async close(): Promise<void> {
    const { end = END } = this.#options.limits ?? {};
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise((resolve) => (timer = setTimeout(resolve, end)));
    for (const thread of this.#running) thread.end();
    await Promise.race([limit, Promise.all([...this.#running].map(({ exited }) => exited))]);
    clearTimeout(timer);
  }

  async #fetchHere(here: () => Promise<Fetched>): Promise<Fetched> {
    this.#here++;
    try {
      return await here();
    } finally {
      this.#here--;
    }
  }

  /**
   * The thread for the next file; undefined for this one, which has the first and those that come when all have as many.
   */
  #leastBusy({ isSmall }: FileOrder, watch: FetchWatch): DownloadThread | undefined {
    if (isSmall) return undefined;
    let best: DownloadThread | undefined;
    for (const thread of this.#threads) {
      if (!thread.isEnding && (best === undefined || thread.fetching < best.fetching)) best = thread;
    }
    const mayStart = this.#here > 0 && (best === undefined || best.fetching > 0) && this.#threads.size < this.#most;
    const started = mayStart ? this.#start(this.#threads, watch) : undefined;
    return started ?? (best !== undefined && best.fetching < this.#here ? best : undefined);
  }

  #startAlone(watch: FetchWatch): DownloadThread | undefined {
    return this.#alone.size < MOST_ALONE ? this.#start(this.#alone, watch) : undefined;
  }

  /** Starts a thread among others of its kind; undefined when that cannot be done. */
  #start(threads: Set<DownloadThread>, watch: FetchWatch): DownloadThread | undefined {
    if (Date.now() < this.#pausedUntil || this.#running.size >= this.#most + MOST_ALONE + MOST_STUCK) return undefined;
    const { file = new URL('./thread.js', import.meta.url), setup, limits, idle = IDLE, onAnswer } = this.#options;
    const isAlone = threads === this.#alone;
    let timer: NodeJS.Timeout | undefined;
    const end = (thread: DownloadThread): void => {
      threads.delete(thread);
      thread.end();
    };
    try {
      const thread = new DownloadThread({
        file,
        setup,
        isAlone,
        limits,
        onAnswer,
        onIdle: () => {
          clearTimeout(timer);
          if (thread.isEnding) return;
          if (isAlone) return end(thread);
          timer = setTimeout(() => {
            if (thread.isIdle) end(thread);
          }, idle).unref();
        },
        onEnd: () => {
          clearTimeout(timer);
          threads.delete(thread);
        },
        onLost: (file) => this.#suspects.add(file),
      });
      threads.add(thread);
      this.#running.add(thread);
      void thread.exited.then(() => this.#running.delete(thread));
      return thread;
    } catch (error) {
      this.#pause(error, watch);
      return undefined;
    }
  }

  /** There is no memory for a thread, or no right to make one. It goes without for a while. */
  #pause(error: unknown, { onNoThread }: FetchWatch): void {
    if (Date.now() < this.#pausedUntil) return;
    this.#pausedUntil = Date.now() + PAUSE;
    onNoThread(error, PAUSE);
  }
}
