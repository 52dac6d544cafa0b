import type { ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, spawnOwned } from '../../src/programs/child.ts';
import type { Build } from './builds.ts';

/** Milliseconds after which a worker that ended by itself is started again, as a supervisor would. */
const SUPERVISION = 300;

export interface WorkersOptions {
  /** For logs. */
  folder: string;
  builds: readonly [Build, Build];
  env: NodeJS.ProcessEnv;
}

/** The worker processes of a round, each in a place of its own. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #places: (ChildProcess | undefined)[] = [];
  readonly #logs: string[] = [];
  #build = 0;
  #closed = false;
  /** Workers that ended without being told to. */
  ownEnds = 0;

  constructor(options: WorkersOptions) {
    this.#options = options;
    process.once('exit', this.#killAll);
  }

  /** Process ids of those that run. */
  get pids(): number[] {
    return this.#places.flatMap((child) => child?.pid ?? []);
  }

  get logs(): readonly string[] {
    return this.#logs;
  }

  /** Starts the first workers; settles when they are ready. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, place) => this.#startAt(place)));
  }

  /** The process at a place; undefined while there is none. */
  at(place: number): ChildProcess | undefined {
    return this.#places[place];
  }

  async kill(place: number): Promise<void> {
    await this.#end(place, 'SIGKILL');
  }

  /** Settles when the process has ended in good order. */
  async terminate(place: number): Promise<void> {
    await this.#end(place, 'SIGTERM');
  }

  async startAgain(place: number): Promise<void> {
    if (this.#places[place] === undefined) await this.#startAt(place);
  }

  /** Starts workers of the other build beside the present ones, which are then told to end. */
  async upgrade(): Promise<void> {
    this.#build = 1 - this.#build;
    await Promise.all(
      this.#places.map(async (old, place) => {
        if (old === undefined) return;
        await this.#startAt(place);
        await endProcess(old, 'SIGTERM');
      }),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#places.map((_, place) => this.kill(place)));
    process.off('exit', this.#killAll);
  }

  /** One that is frozen would not end by itself. */
  readonly #killAll = (): void => {
    for (const child of this.#places) if (child !== undefined) killGroup(child, 'SIGKILL');
  };

  async #end(place: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#places[place];
    this.#places[place] = undefined;
    if (child !== undefined) await endProcess(child, signal);
  }

  async #startAt(place: number): Promise<void> {
    if (this.#closed) return;
    const { folder, builds, env } = this.#options;
    const { program, bundle } = builds[this.#build] as Build;
    const logFile = join(folder, `worker-${this.#logs.length + 1}.log`);
    this.#logs.push(logFile);
    // Through this process: a worker that may not write large files shall still have a log.
    const log = createWriteStream(logFile, { mode: 0o600 });
    const child = spawnOwned(process.execPath, [program], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...env, WORKFLOW_BUNDLE: bundle },
    });
    for (const stream of [child.stdout, child.stderr]) stream?.pipe(log, { end: false });
    child.once('close', () => log.end());
    this.#places[place] = child;
    child.once('exit', () => void this.#supervise(child));
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
  }

  async #supervise(child: ChildProcess): Promise<void> {
    const place = this.#places.indexOf(child);
    if (place < 0 || this.#closed) return;
    this.ownEnds++;
    this.#places[place] = undefined;
    await sleep(SUPERVISION);
    await this.startAgain(place);
  }
}

async function endProcess(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  killGroup(child, signal);
  await exited;
}
