import type { Warning } from '../contract.ts';
import { ExportError } from '../errors.ts';
import type { ExportCapability } from '../fhir/capability.ts';
import { removeQueries } from '../fhir/quote.ts';
import type { Folder } from '../storage/folder.ts';
import { clearExport } from './clear-export.ts';
import { createOwn } from './create-own.ts';
import { readJson, writeJson } from './json-document.ts';
import { FILES, clearedFile, intentFile, unwantedFile } from './layout.ts';
import { NotedAnswers } from './noted-answers.ts';
import { takenOver } from './owner-mark.ts';
import { sharedCheck } from './shared-check.ts';

/** `.export/job.json`: the export on the FHIR server. */
export interface Job {
  /** Counts the jobs of this folder, from 1: another one is started only when the last is gone. */
  generation: number;
  /** Files of an earlier generation are there: they are removed when the server has accepted this job. */
  clearing?: true;
  /** Mark of the run that began it beside those files; absent in records of earlier versions, which removed them first. */
  run?: string;
  /** The job that they are of, as long as no other one follows: its data is all that there is. */
  earlier?: AcceptedJob;
  /** Kick-offs sent whose answer is not known. */
  unanswered: number;
  /** Kick-offs that were answered, but may have started a job that nobody knows. */
  doubts?: number;
  /** Kick-offs of this generation that were ever intended, each by a file of its own. */
  intents?: number;
  statusUrl?: string;
  /** When the server accepted it: milliseconds since the epoch. */
  acceptedAt?: number;
  /** The server's own time before it was asked for the job; absent where that is not known, and in earlier versions. */
  begunAt?: string;
  /** URL of the latest kick-off as sent, for `manifest.json`; absent in folders of earlier versions. */
  request?: string;
  /** What the server declares; empty when it declares nothing usable. */
  capability?: Partial<ExportCapability>;
  /** For `log.ndjson`; absent in folders of earlier versions. */
  log?: LogTerms;
  separateStatus: boolean;
  partial: boolean;
  /** The job was deleted by us, or found gone at that. */
  deleted?: true;
  /** Mark of the run that fetches no files of it any more, because it is complete, or was given up. */
  over?: string;
  /** It was of another request, of which nothing is left. */
  ofAnother?: true;
  warnings: Warning[];
}

/** What the log says of the request. */
export interface LogTerms {
  /** As in a URL, without `patient`. */
  parameters: Record<string, string>;
  /** What the server answers may be quoted: nobody was named whom it might name. */
  quotes: boolean;
  /** It names patients whom no history may: nor may what the server answers be in one. */
  isOfNewMembers?: true;
}

/** The server has accepted it. */
export type AcceptedJob = Job & { statusUrl: string };

/** The record of the export's job. Callers change the {@link Job} that they have read and save it. */
export class JobRecord {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  /** Undefined before the first job. */
  read(): Promise<Job | undefined> {
    return readJson<Job>(this.#folder, FILES.job);
  }

  /** @throws ExportError `DestinationFailed` when the server has accepted no job: somebody removed the file */
  async accepted(): Promise<AcceptedJob> {
    const job = await this.read();
    if (!isAccepted(job)) {
      throw new ExportError(
        'DestinationFailed',
        `${this.#folder.location}/${FILES.job} does not hold the export's job any more`,
      );
    }
    return job;
  }

  /**
   * The record as it is now.
   *
   * @throws ExportError `DestinationFailed` when it is of another job
   */
  async again(generation: number): Promise<Job> {
    const job = await this.read();
    if (job?.generation !== generation) throw takenOver(this.#folder);
    return job;
  }

  async save(job: Job): Promise<void> {
    await writeJson(this.#folder, FILES.job, job);
  }

  /**
   * Begins a job. Files of an earlier one stay until the server has accepted it: a server that refuses it would leave
   * nothing. Downloads of the earlier job that wake up late see the number, and publish nothing.
   *
   * @param run mark of the run
   * @param found the record as it was read; undefined when this is the first job
   */
  async begin(job: Job, run: string, found: Job | undefined): Promise<void> {
    const earlier = lastAccepted(found);
    if (found !== undefined) Object.assign(job, { clearing: true, run, ...(earlier === undefined ? {} : { earlier }) });
    await this.save(job);
  }

  /**
   * Removes what there is of an earlier job than the accepted one: files of two jobs belong to two moments and must not be
   * mixed. An attempt that wakes up when another one has done so removes nothing.
   */
  async removeEarlier({ generation }: AcceptedJob): Promise<void> {
    const isDone = async (): Promise<boolean> => (await this.#folder.size(clearedFile(generation))) !== undefined;
    const isThere = (await this.again(generation)).clearing !== undefined && !(await isDone());
    if (!isThere) return;
    const check = sharedCheck(JSON.stringify([this.#folder.location, generation, 'cleared']), async () => {
      if (await isDone()) throw takenOver(this.#folder);
    });
    const fenced = this.#folder.guardedBy(async () => {
      await Promise.all([this.#folder.mayChange(), check()]);
    });
    try {
      // Before the job was accepted its own kick-offs may have been refused.
      await new NotedAnswers(fenced).keepOnly(generation);
      await clearExport(fenced);
    } catch (error) {
      if (await isDone()) return;
      throw error;
    }
    // Never taken back: a record that a late attempt writes again would have the next job's files removed.
    await this.#folder.create(clearedFile(generation), '');
    const { clearing: _clearing, earlier: _earlier, run: _run, ...job } = await this.again(generation);
    await this.save(job);
  }

  /**
   * Puts the earlier job back, when a run has ended before the server accepted another one: its data may still be there.
   *
   * @param run mark of the run that asks; what it has begun itself goes on
   */
  async restoreEarlier(run: string): Promise<void> {
    const job = await this.read();
    if (job === undefined || !canBeRestored(job, run)) return;
    // The number stays used: intents of the kick-off are recorded by it.
    await this.save({ ...(job.earlier as AcceptedJob), generation: job.generation });
  }

  /**
   * Makes the next intent to kick off durable, and counts it and those that it finds as unanswered. Each is a file that
   * only one attempt can create: an attempt that was frozen and wakes up beside its successor is seen by it, or sees it,
   * as an intent without an answer.
   *
   * @returns whether there is one of this attempt; `job` must be saved before the kick-off is sent
   */
  async intend(job: Job): Promise<boolean> {
    let isOurs = false;
    for (; !isOurs && job.unanswered < 2; job.unanswered++) {
      job.intents = (job.intents ?? 0) + 1;
      isOurs = await createOwn(this.#folder, intentFile(job.generation, job.intents));
    }
    return isOurs;
  }

  /** Whether another attempt has intended a kick-off after the latest one of `job`. */
  async wasIntendedAgain({ generation, intents = 0 }: Job): Promise<boolean> {
    return (await this.#folder.size(intentFile(generation, intents + 1))) !== undefined;
  }

  /**
   * Notes that a run has ended, so that a job which the server accepts later is wanted by nobody. To be read again then: the
   * job may have been accepted meanwhile.
   */
  async wantNoMore(runId: string | undefined): Promise<void> {
    if (runId !== undefined) await this.#folder.create(unwantedFile(runId), '');
  }

  /** Whether the run has ended. A run that is reset has another id, and goes on. */
  async isUnwanted(runId: string | undefined): Promise<boolean> {
    return runId !== undefined && (await this.#folder.size(unwantedFile(runId))) !== undefined;
  }

  /** Gives up a job of another request. The next one has a number of its own, which separates what each writes. */
  async giveUp(): Promise<void> {
    const job = await this.read();
    if (job === undefined) return;
    await this.save({
      generation: job.generation,
      unanswered: 0,
      separateStatus: false,
      partial: false,
      deleted: true,
      ofAnother: true,
      warnings: [],
    });
  }

  /** The server's job is gone; its status URL is not needed any more. */
  async saveDeleted(job: AcceptedJob): Promise<void> {
    const now = await this.read();
    const gone: AcceptedJob = { ...job, statusUrl: removeQueries(job.statusUrl), deleted: true };
    await this.save(now === undefined || isAccepted(now) ? gone : { ...now, earlier: gone });
  }

  /**
   * Notes that a run fetches nothing any more.
   *
   * @param isLast the server is not asked again either, so the query of the status URL, which may be a signature, goes
   */
  async end(mark: string, isLast: boolean): Promise<void> {
    const job = await this.read();
    if (!isAccepted(job)) return;
    await this.save({ ...job, over: mark, statusUrl: isLast ? removeQueries(job.statusUrl) : job.statusUrl });
  }

  /** Takes the query out of the status URL, which may be a signature, when nobody will ask the server again. */
  async redact(): Promise<void> {
    const job = await this.read();
    if (isAccepted(job)) await this.save({ ...job, statusUrl: removeQueries(job.statusUrl) });
  }
}

export function isAccepted(job: Job | undefined): job is AcceptedJob {
  return job?.statusUrl !== undefined;
}

/** The job that the server has accepted last, as far as that is not gone for good with another one in its place. */
export function lastAccepted(job: Job | undefined): AcceptedJob | undefined {
  return isAccepted(job) ? job : job?.earlier;
}

/** Whether a run other than `run` has begun a job that was not accepted, and the one before it is not known to be gone. */
export function canBeRestored(job: Job | undefined, run: string): boolean {
  if (job === undefined || isAccepted(job) || job.earlier === undefined) return false;
  // Its kick-off may have been accepted: then it is sent again, as often as that is allowed.
  const mayRun = job.unanswered > 0 || (job.doubts ?? 0) > 0;
  return !mayRun && job.run !== run && job.earlier.deleted === undefined;
}
