import type { Worker, WorkerStatus } from '@temporalio/worker';

/** Workers of one process. */
export interface Workers {
  /** Runs until {@link shutdown} or a signal; throws when one of them fails. */
  run(): Promise<void>;
  shutdown(): void;
  /** Of the worker of each task queue, as the SDK says it. */
  status(): Record<string, WorkerStatus>;
}

/** @param closeAll is called when none of them runs any more */
export function runnable(workers: readonly Worker[], closeAll: () => Promise<void> = async () => {}): Workers {
  return {
    run: async () => {
      try {
        await runAll(workers);
      } finally {
        await closeAll();
      }
    },
    shutdown: () => workers.forEach(stop),
    status: () => Object.fromEntries(workers.map((worker) => [worker.options.taskQueue, worker.getStatus()])),
  };
}

/** When one fails the others are stopped too: a process that serves half of its queues looks healthy and is not. */
async function runAll(workers: readonly Worker[]): Promise<void> {
  await Promise.all(
    workers.map((worker) =>
      worker.run().catch((error: unknown) => {
        workers.forEach(stop);
        throw error;
      }),
    ),
  );
}

function stop(worker: Worker): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}
