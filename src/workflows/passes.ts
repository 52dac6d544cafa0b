import type { BatchQueue } from './batch-queue.ts';
import type { ExportRun } from './export-run.ts';
import type { FileSet } from './file-set.ts';

/** Passes over the files of a set: the first, and others for files that were left, or that an operator wants again. */
export class Passes {
  readonly #run: ExportRun;
  readonly #files: FileSet;
  readonly #queue: BatchQueue;

  constructor(run: ExportRun, files: FileSet, queue: BatchQueue) {
    this.#run = run;
    this.#files = files;
    this.#queue = queue;
  }

  /** Whether nothing is left to be started in this pass. */
  get isThisDone(): boolean {
    // While the server still works, files that wait for another try do not keep it from being polled.
    return this.#queue.isEmptyUntil(this.#run.job.complete ? Infinity : Date.now());
  }

  /** Whether another pass follows on this one. */
  get hasAnother(): boolean {
    const { left = 0, repeat } = this.#files.state;
    return left > 0 || repeat === true;
  }

  /** An operator wants all files that are missing. */
  repeat(): void {
    this.#files.state.repeat = true;
  }

  /** As a run that resumes the export: every file that has no receipt is fetched, also those given up, once more. */
  begin(): void {
    const { state } = this.#files;
    // As if it were the first: nothing has been given up for good.
    if (state.repeat === true) delete state.secondPass;
    else state.secondPass = true;
    delete state.repeat;
    delete state.left;
    delete state.refused;
    delete state.gaveUp;
    delete state.causes;
    Object.assign(state, { cursor: this.#files.first, seen: {}, done: 0, failed: 0, startedAt: Date.now() });
  }
}
