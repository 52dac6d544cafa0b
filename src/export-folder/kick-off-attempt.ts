import type { Warning } from '../contract.ts';
import { WARNINGS } from '../contract.ts';
import type { AcceptedJob, Job, JobRecord, LogTerms } from './job-record.ts';
import { isAccepted } from './job-record.ts';

/** Kick-offs without a known answer after which no further one is sent; `JobRecord.intend` counts up to it, too. */
const MOST_UNANSWERED = 2;

/** What to do after {@link KickOffAttempt.intend}. */
export type Intent =
  /** Send: the intent is durable. */
  | { kind: 'send' }
  /** Another attempt has recorded the server's answer. */
  | { kind: 'accepted'; job: AcceptedJob }
  /** Two other attempts are under way; their answers may be recorded soon. */
  | { kind: 'wait' };

/**
 * One attempt to start the export's job, as the folder records it: the intent before the request is sent, and the
 * status URL before it is reported.
 */
export class KickOffAttempt {
  readonly #record: JobRecord;
  readonly #job: Job;
  /** What the record holds of an earlier job, until this one has begun. */
  #replaced: { found: Job | undefined } | undefined;
  /** When the kick-off was about to be sent, by `performance.now()`. */
  #intendedAt: number | undefined;

  private constructor(record: JobRecord, job: Job, replaced?: { found: Job | undefined }) {
    this.#record = record;
    this.#job = job;
    this.#replaced = replaced;
  }

  /**
   * Finds the record of the job, and changes nothing.
   *
   * @param generation number of the job, from 1
   */
  static async find(record: JobRecord, generation: number): Promise<KickOffAttempt> {
    const found = await record.read();
    const isBegun = found?.clearing === undefined || found.run !== undefined;
    if (found !== undefined && found.generation >= generation && isBegun) {
      return new KickOffAttempt(record, found);
    }
    const isFirst = found === undefined || found.ofAnother === true;
    const job: Job = {
      generation,
      unanswered: 0,
      separateStatus: false,
      partial: false,
      warnings: isFirst ? [] : [{ code: 'JobRestarted', message: WARNINGS.JobRestarted }],
    };
    return new KickOffAttempt(record, job, { found });
  }

  /**
   * Begins the record of the job, unless it is there: an earlier job is gone.
   *
   * @param partial `allowPartialManifests` is asked for
   * @param run mark of the run
   */
  async begin(partial: boolean, run: string): Promise<void> {
    if (this.#replaced === undefined) return;
    this.#job.partial = partial;
    await this.#record.begin(this.#job, run, this.#replaced.found);
    this.#replaced = undefined;
  }

  /** The job, once the server has accepted it. */
  get accepted(): AcceptedJob | undefined {
    return isAccepted(this.#job) ? this.#job : undefined;
  }

  /** Removes what an earlier job has left, before anything of the accepted one comes. */
  async removeEarlier(job: AcceptedJob): Promise<void> {
    if (job.clearing !== undefined) await this.#record.removeEarlier(job);
  }

  /** What the server declares, as an earlier attempt read it. */
  get capability(): Job['capability'] {
    return this.#job.capability;
  }

  /** Two kick-offs, the intended one included, are without a known answer: no further one is sent. */
  get isLast(): boolean {
    return this.#job.unanswered >= MOST_UNANSWERED;
  }

  /** A kick-off has been sent, the answer to which nobody knows, or which may have started a job that nobody knows. */
  get isInDoubt(): boolean {
    return this.#job.unanswered > 0 || this.doubts > 0;
  }

  /** Kick-offs that were answered, but may have started a job that nobody knows. */
  get doubts(): number {
    return this.#job.doubts ?? 0;
  }

  /** The kick-off is sent after one that may have started a job: the answer may be of that one. */
  get isRepeated(): boolean {
    return this.isLast || this.doubts > 0;
  }

  get warnings(): Warning[] {
    return this.#job.warnings;
  }

  /**
   * Makes the next intent durable, and with it what is about to be sent.
   *
   * @param sent URL of the request, the capability that it was built by, and what the log says of it
   * @throws ExportError `DestinationFailed` when the folder belongs to another run or job
   */
  async intend({
    url,
    capability,
    log,
  }: {
    url: string;
    capability: Job['capability'];
    log?: LogTerms;
  }): Promise<Intent> {
    const job = this.#job;
    this.#intendedAt = performance.now();
    job.request = url;
    if (capability !== undefined) job.capability = capability;
    if (log !== undefined) job.log = log;
    const isOurs = await this.#record.intend(job);
    const found = await this.#record.again(job.generation);
    if (isAccepted(found)) return { kind: 'accepted', job: found };
    if (!isOurs) return { kind: 'wait' };
    if (this.isLast) warnOfOrphan(job);
    await this.#record.save(job);
    return { kind: 'send' };
  }

  /**
   * The answer to the last kick-off is known, and it started nothing.
   *
   * @param mayHaveStarted it may have started a job all the same: what follows has the warning of an orphan job
   */
  async forgetIntent(mayHaveStarted = false): Promise<void> {
    this.#job.unanswered--;
    if (mayHaveStarted) {
      this.#job.doubts = this.doubts + 1;
      warnOfOrphan(this.#job);
    }
    await this.#record.save(this.#job);
  }

  /** Notes what the server's answer revealed, for the next attempt. */
  async saveCapability(capability: Job['capability']): Promise<void> {
    if (capability !== undefined) this.#job.capability = capability;
    await this.#record.save(this.#job);
  }

  /**
   * Records the accepted job. The job of the attempt that was answered first is the export's: polls and files may be
   * under way already.
   *
   * @param answer what the server's answer says; `date`: its clock
   * @param known warnings of what was sent: as durable as the job, because a later attempt does not find them again
   * @param readWarnings called when the status URL is durable
   */
  async accept(
    { date, ...answer }: Pick<AcceptedJob, 'statusUrl' | 'separateStatus'> & { date?: number | undefined },
    known: readonly Warning[],
    readWarnings: () => Promise<Warning[]>,
  ): Promise<AcceptedJob> {
    this.#job.warnings.push(...known);
    const found = await this.#record.read();
    if (isAccepted(found)) return this.#addTo(found);
    const begun = this.#begun(date);
    const job: AcceptedJob = Object.assign(this.#job, answer, begun, { unanswered: 0, acceptedAt: Date.now() });
    await this.#record.save(job);
    const warnings = await readWarnings();
    // Checked after the answer was recorded: an attempt that intends one later finds the answer.
    if (await this.#record.wasIntendedAgain(job)) warnOfOrphan(job);
    job.warnings.push(...warnings);
    await this.#record.save(job);
    return job;
  }

  /** Not known of a repeated kick-off: the server may have answered with the job of an earlier kick-off. */
  #begun(date: number | undefined): Pick<Job, 'begunAt'> {
    if (date === undefined || this.#intendedAt === undefined || this.isRepeated) return {};
    return { begunAt: new Date(date - (performance.now() - this.#intendedAt)).toISOString() };
  }

  /** Adds the warnings of this attempt to what another one has recorded. */
  async #addTo(found: AcceptedJob): Promise<AcceptedJob> {
    const codes = new Set(found.warnings.map(({ code }) => code));
    const warnings = [...found.warnings, ...this.#job.warnings.filter(({ code }) => !codes.has(code))];
    const job = { ...found, warnings };
    await this.#record.save(job);
    return job;
  }
}

function warnOfOrphan({ warnings }: Job): void {
  if (warnings.some(({ code }) => code === 'PossibleOrphanJob')) return;
  warnings.push({ code: 'PossibleOrphanJob', message: WARNINGS.PossibleOrphanJob });
}
