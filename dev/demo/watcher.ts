import type { ExportProgress } from '../../src/contract.ts';
import { listPublished } from './exported-files.ts';
import { ProgressBar } from './progress-bar.ts';
import type { Workers } from './workers.ts';

/** Share of the files after which the worker is killed. */
const killAfter = 1 / 3;

/** Shows the progress of an export, and kills the worker once in the middle of the downloads. */
export class Watcher {
  readonly #workers: Workers;
  readonly #bar = new ProgressBar(process.stdout);
  #mayKill: boolean;
  #last: ExportProgress | undefined;

  constructor(workers: Workers, mayKill: boolean) {
    this.#workers = workers;
    this.#mayKill = mayKill;
  }

  async look(progress: ExportProgress | undefined): Promise<void> {
    if (progress === undefined) {
      await this.#lookAtFolder();
      return;
    }
    this.#last = progress;
    const isTime = this.#mayKill && isTimeToKill(progress);
    // Without a terminal only some progress is printed, but always this one.
    this.#bar.show(progress, isTime);
    if (isTime) await this.#killWorker(progress);
  }

  /** Ends the line of the bar. */
  end(): void {
    this.#bar.leave();
  }

  async #killWorker({ location }: ExportProgress): Promise<void> {
    this.#mayKill = false;
    this.#bar.leave();
    console.log(`\n  Worker ${await this.#workers.killCurrent(location ?? '')} killed with SIGKILL.`);
    console.log(
      `  Another worker started: process ${this.#workers.start()}. It receives the unfinished files of the first`,
    );
    console.log('  one when their heartbeats have been missing for 10 s.\n');
  }

  /** Counts the files at their final place, while the workflow does not answer. */
  async #lookAtFolder(): Promise<void> {
    const { files, location } = this.#last ?? {};
    if (files === undefined || location === undefined) return;
    this.#bar.showFiles((await listPublished(location)).size, files.total);
  }
}

function isTimeToKill({ phase, files }: ExportProgress): boolean {
  return phase === 'downloading' && files !== undefined && files.done >= files.total * killAfter;
}
