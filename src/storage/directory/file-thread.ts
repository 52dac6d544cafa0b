import { Worker, isMainThread } from 'node:worker_threads';
import type { Step, StepAnswer, StepOrder, StepResult, ThreadMessage } from './file-steps.ts';

/** Steps within a second from which the thread is worth its start and its memory. */
const MANY = 50;
/** Milliseconds without work after which it ends. */
const IDLE = 10_000;
/** Milliseconds without a thread after one has failed, or was slow. */
const PAUSE = 60_000;
/** Bytes of the longest file that it writes, and how many it can be given at once. */
const LONGEST = 128 * 1024;
const PLACES = 96;

interface Waiting {
  resolve(result: StepResult): void;
  reject(error: Error): void;
}

/** Content of a file that the thread can write. */
export interface PlacedContent {
  /** Writes it to a new file, and makes it durable. */
  write(path: string): Promise<void>;
  /** The place is used again. Once. */
  free(): void;
}

/**
 * Another thread of this process, which takes the steps of small files when there are many. Handed to libuv's pool one by
 * one, the steps of a file (open, write, close, link, unlink, and reads for the check of the owner) cost more than all
 * the rest of it: each wakes a thread, which then wakes this one. The other thread takes many one after another, and
 * answers once. This one must not take them itself: on a disk that hangs nothing else would go on. Where each step takes
 * long, as over a network, the pool is used all the same, because it takes several at once; from time to time the thread
 * is tried again, since what was slow may have been a moment.
 */
export class FileThread {
  readonly #file: URL;
  readonly #memory = new SharedArrayBuffer(PLACES * LONGEST);
  readonly #free: number[] = Array.from({ length: PLACES }, (_, place) => place * LONGEST);
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #isReady = false;
  #orders: StepOrder[] = [];
  #ordered = 0;
  #steps = { since: 0, count: 0 };
  #pausedUntil = 0;
  #idle: NodeJS.Timeout | undefined;

  /** @param file the compiled code of the thread; default: what is beside this file */
  constructor(file: URL = new URL('./steps-in-thread.js', import.meta.url)) {
    this.#file = file;
  }

  /** The thread, for a step that is to be taken now; undefined unless there are many, and it is ready. */
  forStep(): this | undefined {
    if (this.#isReady) return this;
    const now = Date.now();
    if (now - this.#steps.since >= 1000) this.#steps = { since: now, count: 0 };
    const isWorthIt = ++this.#steps.count >= MANY && this.#worker === undefined && now >= this.#pausedUntil;
    // A thread that downloads is one that may wait for the disk.
    if (isWorthIt && isMainThread) this.#start();
    return undefined;
  }

  /** Puts the content of a file where the thread finds it; undefined when it is too long, or there is no place left. */
  place(content: Uint8Array): PlacedContent | undefined {
    const at = content.length <= LONGEST ? this.#free.pop() : undefined;
    if (at === undefined) return undefined;
    new Uint8Array(this.#memory, at, content.length).set(content);
    return {
      write: async (path) => void (await this.#take({ kind: 'write', path, at, bytes: content.length })),
      free: () => void this.#free.push(at),
    };
  }

  /** Gives a file another name; fails as `link` does when there is a file of that name. */
  async move(from: string, to: string): Promise<void> {
    await this.#take({ kind: 'move', from, to });
  }

  /** Content of a file; undefined when it does not exist. */
  async read(path: string): Promise<Buffer | undefined> {
    const content = (await this.#take({ kind: 'read', path })) as Uint8Array | undefined;
    return content === undefined ? undefined : Buffer.from(content.buffer, content.byteOffset, content.length);
  }

  /** Bytes of a file; undefined when it does not exist. */
  async size(path: string): Promise<number | undefined> {
    return (await this.#take({ kind: 'size', path })) as number | undefined;
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }

  #take(step: Step): Promise<StepResult> {
    return new Promise((resolve, reject) => {
      // It may have ended since somebody has asked for it. One that is slow takes what it has been asked for.
      if (this.#worker === undefined) return reject(ended('it was not there any more'));
      const id = ++this.#ordered;
      this.#waiting.set(id, { resolve, reject });
      // With those that come in the same moment.
      if (this.#orders.length === 0) setImmediate(() => this.#send());
      this.#orders.push({ id, step });
    });
  }

  #send(): void {
    const orders = this.#orders;
    this.#orders = [];
    // The process goes on as long as somebody waits for a step.
    this.#worker?.ref();
    this.#worker?.postMessage(orders);
  }

  #start(): void {
    try {
      // It makes little garbage, and needs little room for it.
      const worker = new Worker(this.#file, {
        workerData: this.#memory,
        resourceLimits: { maxYoungGenerationSizeMb: 2 },
      });
      const fail = (why: string): void => {
        if (this.#worker === worker) this.#fail(why);
      };
      this.#worker = worker;
      worker.unref();
      worker.on('message', (message: ThreadMessage) => {
        // What one that has failed had still to say.
        if (this.#worker !== worker) return;
        if (message === 'ready') this.#isReady = true;
        else if (message === 'slow') this.#pause();
        else for (const answer of message) this.#end(answer);
        if (this.#waiting.size === 0) worker.unref();
        this.#idle?.refresh();
      });
      worker.on('error', ({ message }) => fail(message));
      worker.on('messageerror', () => fail('a message was lost'));
      worker.on('exit', (code) => fail(`exit code ${code}`));
      this.#idle = setTimeout(() => this.#endIdle(), IDLE).unref();
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }

  #end({ id, result, error }: StepAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(Object.assign(new Error(error.message), error));
  }

  /** No more steps for now; when it has no more work, it ends. */
  #pause(): void {
    this.#isReady = false;
    this.#pausedUntil = Date.now() + PAUSE;
  }

  #endIdle(): void {
    if (this.#waiting.size > 0) return void this.#idle?.refresh();
    const worker = this.#worker;
    this.#worker = undefined;
    this.#isReady = false;
    void worker?.terminate();
  }

  /** Nobody knows which of its steps it has taken: they fail, and what they were for is tried again. */
  #fail(why: string): void {
    clearTimeout(this.#idle);
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#pause();
    for (const { reject } of this.#waiting.values()) reject(ended(why));
    this.#waiting.clear();
    this.#orders = [];
  }
}

/** Like a fault of the disk, which may pass. */
function ended(why: string): Error {
  return Object.assign(new Error(`the thread that stores small files ended: ${why}`), { code: 'EIO' });
}
