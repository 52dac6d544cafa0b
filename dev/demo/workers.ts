import { setTimeout as sleep } from 'node:timers/promises';

import { listPublished } from './exported-files.ts';
import type { Kill } from './proof.ts';
import type { DemoStack } from './stack.ts';
import { lastLines, type WorkerProcess } from './worker-process.ts';

/** Milliseconds after which the last requests of a killed worker have arrived at the FHIR server. */
const pause = 500;

/** The demo's workers: one at a time. */
export class Workers {
  /** Rejects when a worker ends by itself. */
  readonly failed: Promise<never>;
  /** The state between two workers; undefined until one was killed. */
  kill: Kill | undefined;
  #current: WorkerProcess | undefined;
  #fail: (error: Error) => void = () => {};
  readonly #stack: DemoStack;

  constructor(stack: DemoStack) {
    this.#stack = stack;
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  /** Starts a worker and returns its process id. */
  start(): number {
    const worker = this.#stack.startWorker();
    this.#current = worker;
    void worker.exited.then(async (reason) => {
      if (this.#current !== worker) return;
      this.#fail(new Error(`The worker ended by itself: ${reason}\n${await lastLines(this.#stack.workerLog)}`));
    });
    return worker.pid;
  }

  /**
   * Kills the worker with SIGKILL.
   *
   * @param location folder of the export
   * @returns its process id
   */
  async killCurrent(location: string): Promise<number> {
    const worker = this.#current;
    if (worker === undefined) throw new Error('No worker is running');
    this.#current = undefined;
    await worker.kill();
    await sleep(pause);
    const { sample } = this.#stack;
    this.kill = { published: await listPublished(location), requests: sample?.journal.length };
    return worker.pid;
  }
}
