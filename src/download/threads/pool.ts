import type { DownloadThread as Thread } from './download-thread.ts';
import { DownloadThread, ThreadEndedError } from './download-thread.ts';
import type { FetchWatch, Fetched } from './fetched.ts';
import type { FileOrder, ThreadSetup } from './messages.ts';

/** Milliseconds without work after which a thread ends: it holds memory, and starts again within a blink. */
const IDLE = 10_000;
/** Files that are remembered because a thread ended while it fetched them. */
const MOST_SUSPECTS = 1000;

export interface ThreadPoolOptions {
  /** All that fetch files: this one and others. */
  threads: number;
  setup: ThreadSetup;
  /** The compiled `thread.ts`. Default: the one beside this file. */
  file?: URL;
  /** Milliseconds; default 10 s. */
  idle?: number;
}

/**
 * The threads of a process that fetch files: this one, and others that start when they are first needed. One thread
 * alone receives, hashes and checks as fast as one processor can; further ones use the others.
 */
export class ThreadPool {
  readonly #most: number;
  readonly #setup: ThreadSetup;
  readonly #file: URL;
  readonly #idle: number;
  readonly #threads = new Set<Thread>();
  /** Files during which a thread ended. This one must not: the whole worker would. */
  readonly #suspects = new Set<string>();
  /** Files that are being fetched in this thread. */
  #here = 0;
  #canStart = true;

  constructor({ threads, setup, file = new URL('./thread.js', import.meta.url), idle = IDLE }: ThreadPoolOptions) {
    this.#most = threads - 1;
    this.#setup = setup;
    this.#file = file;
    this.#idle = idle;
  }

  /**
   * Fetches a file where the fewest are being fetched; a small one in this thread, because elsewhere it has a folder of
   * its own to open, messages to wait for and its name to make durable alone, which costs more than the rest of it.
   *
   * @param here fetches it in this thread
   * @throws as `fetchFile`; ThreadEndedError when the thread ends meanwhile: the file may be the reason
   */
  async fetch(order: FileOrder, watch: FetchWatch, here: () => Promise<Fetched>): Promise<Fetched> {
    const key = `${order.destination}/${order.path}/${order.label}`;
    const isSuspect = this.#suspects.has(key);
    const thread = order.isSmall && !isSuspect ? undefined : this.#leastBusy(isSuspect);
    if (thread === undefined) return this.#fetchHere(here);
    try {
      const fetched = await thread.fetch(order, watch);
      this.#suspects.delete(key);
      return fetched;
    } catch (error) {
      if (!(error instanceof ThreadEndedError)) throw error;
      if (error.wasReady) {
        if (this.#suspects.size < MOST_SUSPECTS) this.#suspects.add(key);
        throw error;
      }
      // There is no memory for a thread, or no right to make one. It goes without.
      this.#canStart = false;
      return this.#fetchHere(here);
    }
  }

  /** Threads that are running, this one included. */
  get size(): number {
    return this.#threads.size + 1;
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.end()));
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
   *
   * @param elsewhere not in this one, if there are others
   */
  #leastBusy(elsewhere: boolean): Thread | undefined {
    let best: Thread | undefined;
    for (const thread of this.#threads) {
      if (best === undefined || thread.fetching < best.fetching) best = thread;
    }
    const mayStart = this.#canStart && this.#threads.size < this.#most;
    if (mayStart && (best === undefined || best.fetching > 0) && (elsewhere || this.#here > 0)) return this.#start();
    return elsewhere || (best !== undefined && best.fetching < this.#here) ? best : undefined;
  }

  #start(): Thread {
    let timer: NodeJS.Timeout | undefined;
    const thread = new DownloadThread(this.#file, this.#setup, {
      idle: () => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          if (!thread.isIdle) return;
          this.#threads.delete(thread);
          void thread.end();
        }, this.#idle).unref();
      },
      end: () => {
        clearTimeout(timer);
        this.#threads.delete(thread);
      },
    });
    this.#threads.add(thread);
    return thread;
  }
}
