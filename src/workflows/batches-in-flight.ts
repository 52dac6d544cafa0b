import { CancellationScope } from '@temporalio/workflow';
import type { DownloadFilesResult } from '../activities/download-files.ts';
import type { Batch } from './batch.ts';
import { ordinalsOf } from './batch.ts';
import { isObject } from '../fhir/is-object.ts';
import { noAnswer } from './failure.ts';
import { wait } from './wait.ts';

/** The batches in flight. They have a scope of their own, so that they can be stopped without the export. */
export class BatchesInFlight {
  readonly #batches = new Set<Batch>();
  #scope = new CancellationScope();

  get size(): number {
    return this.#batches.size;
  }

  /** Of all files in them. */
  get ordinals(): Set<number> {
    return new Set([...this.#batches].flatMap(({ ranges }) => ordinalsOf(ranges)));
  }

  /** They are to stop: no other one may be started. */
  get areStopping(): boolean {
    return this.#scope.consideredCancelled;
  }

  /**
   * Starts a batch.
   *
   * @param ended called when it has been fetched; otherwise `failed` is, also when it was stopped
   */
  start(
    batch: Batch,
    work: () => Promise<DownloadFilesResult>,
    ended: (result: DownloadFilesResult) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#batches.add(batch);
    void this.#scope.run(work).then(
      (result) => {
        this.#batches.delete(batch);
        if (isAnswer(result)) ended(result);
        else failed(noAnswer('downloadFiles'));
      },
      (error: unknown) => {
        this.#batches.delete(batch);
        failed(error);
      },
    );
  }

  /** Waits for them, and stops those that have not ended in time. What is stopped has only been put off. */
  async drain(time: number): Promise<void> {
    const isEmpty = (): boolean => this.size === 0;
    if (isEmpty()) return;
    await CancellationScope.nonCancellable(async () => {
      if (time > 0 && (await wait({ until: Date.now() + time, unless: isEmpty }))) return;
      this.#scope.cancel();
      await wait({ unless: isEmpty });
    });
  }

  /** Stops them, so that others can be started later. */
  async stop(): Promise<void> {
    await this.drain(0);
    this.#scope = new CancellationScope();
  }
}

function isAnswer(result: unknown): boolean {
  return isObject(result) && isObject(result['done']) && [result['failed'], result['later']].every(Array.isArray);
}
