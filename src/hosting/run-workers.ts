import type { WorkerOptions, WorkerStatus } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { Closings } from '../process/closings.ts';

/** Workers of one process. */
export interface Workers {
  /** Runs until {@link shutdown} or a signal; throws when one of them fails, after the others have stopped too. */
  run(): Promise<void>;
  shutdown(): void;
  /** Of the worker of each task queue, as the SDK says it. */
  status(): Record<string, WorkerStatus>;
}

/**
 * Makes workers. When one cannot be made, those before it give the connection back, so that it can be closed.
 *
 * @param atEnd is closed after all of them have run; when one cannot be made, closing it is left to the caller
 * @param begin is called when they begin to run
 */
export async function makeWorkers(
  options: readonly WorkerOptions[],
  atEnd: Closings = new Closings(),
  begin: () => void = () => {},
): Promise<Workers> {
  const workers: Worker[] = [];
  try {
    for (const one of options) workers.push(await Worker.create(one));
  } catch (error) {
    await Promise.allSettled(workers.map(release));
    throw error;
  }
  return {
    run: () =>
      atEnd.after(() => {
        begin();
        return runAll(workers);
      }),
    shutdown: () => workers.forEach(stop),
    status: () => Object.fromEntries(workers.map((worker) => [worker.options.taskQueue, worker.getStatus()])),
  };
}

/** When one fails the others are stopped too: a process that serves half of its queues looks healthy and is not. */
async function runAll(workers: readonly Worker[]): Promise<void> {
  const errors: unknown[] = [];
  const runOne = async (worker: Worker): Promise<void> => {
    try {
      await worker.run();
    } catch (error) {
      errors.push(error);
      workers.forEach(stop);
    }
  };
  await Promise.all(workers.map(runOne));
  // The first one is why the others have stopped.
  if (errors.length > 0) throw errors[0];
}

function stop(worker: Worker): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}

/** A worker holds its connection until it has run: the SDK has no other way to give it back. */
async function release(worker: Worker): Promise<void> {
  await worker.runUntil(Promise.resolve());
}
