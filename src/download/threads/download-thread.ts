import { Worker } from 'node:worker_threads';
import type { FetchWatch, Fetched } from './fetched.ts';
import type { FileOrder, FromThread, ThreadSetup, ToThread } from './messages.ts';
import { ThreadEndedError } from './thread-errors.ts';
import { ThreadOrder } from './thread-order.ts';

export interface DownloadThreadOptions {
  /** The compiled `thread.ts`. */
  file: URL;
  setup: ThreadSetup;
  /** It is made for one file. */
  isAlone: boolean;
  limits?: ThreadLimits | undefined;
  /** Called when the last order is closed. */
  onIdle(): void;
  /** Called when the thread has ended, for whatever reason. */
  onEnd(): void;
}

/** Milliseconds after which a thread that does not answer is ended. */
export interface ThreadLimits {
  ready: number;
  /** After an abort: what has come is made durable before the answer, which takes long on a slow disk. */
  abort: number;
}

/** On a busy machine a thread starts within seconds. A worker that shuts down is ended by force after 25 s. */
const LIMITS: ThreadLimits = { ready: 30_000, abort: 120_000 };

/** The AWS SDK's own way to silence a warning, which this thread has given already. */
const QUIET = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };

/** Another thread of this process that fetches files. It starts at once; what is ordered before it is ready waits. */
export class DownloadThread {
  readonly #worker: Worker;
  readonly #options: DownloadThreadOptions;
  readonly #limits: ThreadLimits;
  readonly #orders = new Map<number, ThreadOrder>();
  readonly #starting: NodeJS.Timeout;
  #ordered = 0;
  #isReady = false;
  #failure: Error | undefined;
  /** Files that are being fetched; those that are being stored do not count. */
  fetching = 0;
  /** It takes no orders any more. */
  isEnding = false;

  /** @throws what the system throws when it has no thread to give */
  constructor(options: DownloadThreadOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
    this.#worker = new Worker(options.file, { workerData: options.setup, env: { ...process.env, ...QUIET } });
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#worker.on('messageerror', () => this.#giveUp('a message was lost'));
    this.#worker.on('exit', (code) => this.#onExit(code));
    this.#starting = setTimeout(() => this.#giveUp('it did not start'), this.#limits.ready).unref();
  }

  get isIdle(): boolean {
    return this.#orders.size === 0;
  }

  /** @throws as `fetchFile`; ThreadEndedError */
  async fetch(file: FileOrder, watch: FetchWatch): Promise<Fetched> {
    const { signal } = watch;
    const id = ++this.#ordered;
    const send = (message: ToThread): void => this.#worker.postMessage(message);
    const order = new ThreadOrder(id, watch, send, () => {
      this.#orders.delete(id);
      if (this.isIdle) this.#options.onIdle();
    });
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      timer = setTimeout(() => this.#giveUp('it did not answer'), this.#limits.abort).unref();
    };
    signal.addEventListener('abort', onAbort);
    this.#orders.set(id, order);
    this.fetching++;
    try {
      return await order.fetch(file);
    } catch (error) {
      if (error instanceof ThreadEndedError) signal.throwIfAborted();
      throw error;
    } finally {
      this.fetching--;
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    }
  }

  /** Ends the thread, and what it is doing. */
  async end(): Promise<void> {
    this.isEnding = true;
    await this.#worker.terminate();
  }

  #take(message: FromThread): void {
    if (message.kind === 'ready') {
      this.#isReady = true;
      clearTimeout(this.#starting);
    } else this.#orders.get(message.order)?.take(message);
  }

  /** Ends the thread without waiting for that: it may be in a call of the system that does not return. */
  #giveUp(why: string): void {
    void this.end();
    this.#fail(why);
  }

  #onExit(code: number): void {
    this.isEnding = true;
    clearTimeout(this.#starting);
    this.#options.onEnd();
    const { code: name } = (this.#failure ?? {}) as NodeJS.ErrnoException;
    // Not its message, which may quote content.
    this.#fail(name ?? this.#failure?.name ?? `exit code ${code}`);
  }

  #fail(why: string): void {
    const state = { wasReady: this.#isReady, wasAlone: this.#options.isAlone };
    const error = new ThreadEndedError(why, state, { cause: this.#failure });
    for (const order of this.#orders.values()) order.end(error);
  }
}
