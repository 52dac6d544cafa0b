import { Worker } from 'node:worker_threads';
import type { FetchWatch, Fetched } from './fetched.ts';
import type { FileOrder, FromThread, ThreadSetup, ToThread } from './messages.ts';
import { ThreadOrder } from './thread-order.ts';

/** A thread has ended, with files that it was fetching. The files' durable bytes are resumed by the next attempt. */
export class ThreadEndedError extends Error {
  override readonly name = 'ThreadEndedError';
  /** False: the thread could not even be started, so the file has nothing to do with it. */
  readonly wasReady: boolean;

  constructor(why: string, wasReady: boolean, options?: ErrorOptions) {
    super(`the thread that fetched it ended (${why})`, options);
    this.wasReady = wasReady;
  }
}

/** Another thread of this process that fetches files. It starts at once; what is ordered before it is ready waits. */
export class DownloadThread {
  readonly #worker: Worker;
  readonly #on: { idle(): void; end(): void };
  readonly #orders = new Map<number, ThreadOrder>();
  #ordered = 0;
  #isReady = false;
  #failure: Error | undefined;
  /** Files that are being fetched; those that are being stored do not count. */
  fetching = 0;

  /**
   * @param file the compiled `thread.ts`
   * @param on.idle called when the last order is closed
   * @param on.end called when the thread has ended, for whatever reason
   */
  constructor(file: URL, setup: ThreadSetup, on: { idle(): void; end(): void }) {
    this.#on = on;
    this.#worker = new Worker(file, { workerData: setup });
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#worker.on('exit', (code) => this.#end(code));
  }

  get isIdle(): boolean {
    return this.#orders.size === 0;
  }

  /** @throws as `fetchFile`; ThreadEndedError */
  async fetch(file: FileOrder, watch: FetchWatch): Promise<Fetched> {
    const id = ++this.#ordered;
    const send = (message: ToThread): void => this.#worker.postMessage(message);
    const order = new ThreadOrder(id, watch, send, () => {
      this.#orders.delete(id);
      if (this.isIdle) this.#on.idle();
    });
    this.#orders.set(id, order);
    this.fetching++;
    try {
      return await order.fetch(file);
    } finally {
      this.fetching--;
    }
  }

  /** Ends the thread, and what it is doing. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(message: FromThread): void {
    if (message.kind === 'ready') this.#isReady = true;
    else this.#orders.get(message.order)?.take(message);
  }

  #end(code: number): void {
    this.#on.end();
    const { code: name } = (this.#failure ?? {}) as NodeJS.ErrnoException;
    // Not its message, which may quote content.
    const why = name ?? this.#failure?.name ?? `exit code ${code}`;
    const error = new ThreadEndedError(why, this.#isReady, { cause: this.#failure });
    for (const order of this.#orders.values()) order.end(error);
  }
}
