import { Worker } from 'node:worker_threads';
import type { AnswerOf } from '../../http/messages.ts';
import type { FetchWatch, Fetched } from './fetched.ts';
import type { FileOrder, FromThread, ThreadSetup, ToThread } from './messages.ts';
import { ThreadEndedError } from './thread-errors.ts';
import { ThreadOrder } from './thread-order.ts';
import { WakingLimit } from './waking-limit.ts';

export interface DownloadThreadOptions {
  /** The compiled `thread.ts`. */
  file: URL;
  setup: ThreadSetup;
  /** It is made for one file. */
  isAlone: boolean;
  limits?: Partial<ThreadLimits> | undefined;
  /** Called with each answer to its requests. */
  onAnswer?: ((answer: AnswerOf) => void) | undefined;
  /** Called when the last order is closed. */
  onIdle(): void;
  /** Called once, when the thread has ended, for whatever reason, or was given up. */
  onEnd(): void;
  /** Called before that with each file that it had, unless it never started. */
  onLost(file: FileOrder): void;
}

/** Milliseconds after which a thread is given up; they count only while the thread that waits for it runs. */
export interface ThreadLimits {
  ready: number;
  /** For a sign of life. */
  alive: number;
  /** After an abort: what has come is made durable before the answer, which takes long on a slow disk. */
  abort: number;
}

/**
 * On a busy machine a thread starts within seconds, and computes for a second at most before it looks at its messages. A
 * worker that shuts down is ended by force after 25 s.
 */
const LIMITS: ThreadLimits = { ready: 30_000, alive: 60_000, abort: 120_000 };

/** The AWS SDK's own way to silence a warning, which this thread has given already. */
const QUIET = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };

/** Another thread of this process that fetches files. It starts at once; what is ordered before it is ready waits. */
export class DownloadThread {
  readonly #worker: Worker;
  readonly #options: DownloadThreadOptions;
  readonly #limits: ThreadLimits;
  readonly #orders = new Map<number, { order: ThreadOrder; file: FileOrder }>();
  /** Of the start, then of each sign of life. */
  #limit: WakingLimit;
  #ordered = 0;
  #isReady = false;
  #isAsked = false;
  #hasEnded = false;
  #failure: Error | undefined;
  readonly #start: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void };
  /** Resolves when no code of it runs any more: long after it was given up, if a call of the system does not return. */
  readonly exited: Promise<unknown>;
  /** Files that are being fetched; those that are being stored do not count. */
  fetching = 0;
  /** It takes no orders any more. */
  isEnding = false;

  /** @throws what the system throws when it has no thread to give */
  constructor(options: DownloadThreadOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#worker = new Worker(options.file, { workerData: options.setup, env: { ...process.env, ...QUIET } });
    this.#worker.unref();
    this.#worker.on('message', (message: FromThread) => this.#take(message));
    this.#worker.on('error', (error) => (this.#failure = error));
    this.#worker.on('messageerror', () => this.#giveUp('a message was lost'));
    this.#start = deferred();
    this.exited = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.on('exit', (code) => this.#onExit(code));
    this.#limit = new WakingLimit(this.#limits.ready, () => this.#giveUp('it did not start'));
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
    let limit: WakingLimit | undefined;
    const onAbort = (): void => {
      limit = new WakingLimit(this.#limits.abort, () => this.#giveUp('it did not answer'));
    };
    signal.addEventListener('abort', onAbort);
    this.#orders.set(id, { order, file });
    this.fetching++;
    try {
      return await order.fetch(file, this.#start.promise);
    } catch (error) {
      if (error instanceof ThreadEndedError) signal.throwIfAborted();
      throw error;
    } finally {
      this.fetching--;
      signal.removeEventListener('abort', onAbort);
      limit?.end();
    }
  }

  /** Ends the thread, and what it is doing. */
  end(): void {
    this.isEnding = true;
    void this.#worker.terminate();
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        return this.#onReady();
      case 'alive':
        this.#isAsked = false;
        return this.#limit.restart();
      case 'answered':
        return this.#options.onAnswer?.(message.answer);
      default:
        return this.#orders.get(message.order)?.order.take(message);
    }
  }

  #onReady(): void {
    this.#isReady = true;
    this.#start.resolve();
    this.#limit.end();
    this.#limit = new WakingLimit(
      this.#limits.alive,
      () => this.#giveUp('it gave no sign of life'),
      () => {
        if (!this.#isAsked) this.#worker.postMessage({ kind: 'areYouAlive' } satisfies ToThread);
        this.#isAsked = true;
      },
    );
  }

  /** Ends the thread without waiting for that: it may be in a call of the system that does not return. */
  #giveUp(why: string): void {
    this.end();
    this.#lose(why);
  }

  #onExit(code: number): void {
    this.isEnding = true;
    const { code: name } = (this.#failure ?? {}) as NodeJS.ErrnoException;
    // Not its message, which may quote content.
    this.#lose(name ?? this.#failure?.name ?? `exit code ${code}`);
  }

  #lose(why: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#limit.end();
    const state = { wasReady: this.#isReady, wasAlone: this.#options.isAlone };
    const error = new ThreadEndedError(why, state, { cause: this.#failure });
    const lost = [...this.#orders.values()];
    if (this.#isReady) lost.forEach(({ file }) => this.#options.onLost(file));
    this.#options.onEnd();
    this.#start.reject(error);
    lost.forEach(({ order }) => order.end(error));
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let settle: Pick<ReturnType<typeof deferred>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  // There may be no order that hears of a failure.
  promise.catch(() => {});
  return { promise, ...(settle as NonNullable<typeof settle>) };
}
