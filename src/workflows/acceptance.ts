import { ApplicationFailure, TemporalFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import type { Accepted } from '../steering-contract.ts';
import { ACCEPTED, CONTINUED } from '../steering-contract.ts';
import { answerUpdates } from './answer-updates.ts';
import type { ExportRun } from './export-run.ts';

const accepted = defineUpdate<Accepted>(ACCEPTED);

/** Tells those who ask when the server has accepted the export, or why it never will. */
export class Acceptance {
  #run: ExportRun | undefined;
  #failure: TemporalFailure | undefined;

  /** To be made before anything can fail: who starts an export may ask in the same breath. */
  constructor() {
    setHandler(accepted, () => this.#answer(), { description: 'Answers when the server has accepted the kick-off.' });
  }

  /** The export has begun. */
  of(run: ExportRun): void {
    this.#run = run;
  }

  /** The export has failed. */
  async failed(error: unknown): Promise<void> {
    // Any other error fails the task, which is tried again.
    if (!(error instanceof TemporalFailure)) return;
    this.#failure = error;
    // Updates that came with the start are taken now.
    await Promise.resolve();
    await answerUpdates();
  }

  async #answer(): Promise<Accepted> {
    await condition(
      () => this.#run?.job.accepted === true || this.#run?.leaves === true || this.#failure !== undefined,
    );
    const run = this.#run;
    if (run?.job.accepted === true) {
      const { generation, acceptedAt } = run.job;
      const { adopted, location } = run.opened;
      return {
        job: generation,
        ...(acceptedAt === undefined ? {} : { acceptedAt: new Date(acceptedAt).toISOString() }),
        adopted,
        location,
      };
    }
    if (this.#failure !== undefined) throw this.#failure;
    throw ApplicationFailure.create({
      type: CONTINUED,
      message: `${CONTINUED}: the export goes on in a new run; ask again`,
    });
  }
}
