import { LIMITS } from '../policy/limits.ts';

/** Milliseconds for which a poll may be late before another worker, or nobody, is taken to poll the job. */
const GRACE = 15 * 60_000;

interface SeenJob {
  acceptedAt: number;
  /** Until then the next poll is due here. */
  until: number;
}

/**
 * The jobs that a server has left in progress, as this worker's polls find them. The next poll may be another worker's, which
 * then knows better: a job is forgotten when its next poll does not come here.
 */
export class OldestJobs {
  readonly #report: (server: string, acceptedAt: number | undefined) => void;
  readonly #servers = new Map<string, Map<string, SeenJob>>();
  #timer: NodeJS.Timeout | undefined;

  /** @param report told when the oldest job of a server was accepted, in milliseconds since the epoch; undefined: there is none */
  constructor(report: (server: string, acceptedAt: number | undefined) => void) {
    this.#report = report;
  }

  /**
   * A poll found a job in progress, or nothing about it.
   *
   * @param id of the job
   * @param acceptedAt when its kick-off was, in milliseconds since the epoch
   * @param wait milliseconds to the next poll, as far as the server says so
   */
  inProgress(server: string, id: string, acceptedAt: number, wait = 0): void {
    const jobs = this.#servers.get(server) ?? new Map<string, SeenJob>();
    this.#servers.set(server, jobs);
    jobs.set(id, { acceptedAt, until: Date.now() + Math.max(wait, LIMITS.backoffCeiling) + GRACE });
    this.#tell(server, jobs);
    this.#timer ??= setInterval(() => this.#forgetOthers(), GRACE).unref();
  }

  /** A poll found that it is not in progress any more. */
  over(server: string, id: string): void {
    const jobs = this.#servers.get(server);
    if (jobs?.delete(id) === true) this.#tell(server, jobs);
  }

  #forgetOthers(): void {
    const now = Date.now();
    for (const [server, jobs] of this.#servers) {
      for (const [id, { until }] of jobs) if (until < now) this.over(server, id);
    }
    if ([...this.#servers.values()].some(({ size }) => size > 0)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tell(server: string, jobs: ReadonlyMap<string, SeenJob>): void {
    let oldest: number | undefined;
    for (const { acceptedAt } of jobs.values()) oldest = Math.min(oldest ?? Infinity, acceptedAt);
    this.#report(server, oldest);
  }
}
