import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Hospital, type Change } from '../generate/hospital.ts';
import type { Message } from '../http/answer.ts';
import type { Settings } from '../options.ts';
import type { ExportRequest } from './export-request.ts';
import type { JobFile } from './ndjson-files.ts';
import { writeExport } from './write-export.ts';

/** An export. */
export type Job = {
  id: string;
  request: ExportRequest;
  /** Time of the kick-off, milliseconds since 1970; the manifest's `transactionTime`. */
  at: number;
  /** "In progress" answers given so far. */
  polls: number;
  deleted: boolean;
  /** When somebody last asked about it, milliseconds since 1970. */
  askedAt: number;
  /** Counts renewals of file URLs, from 1. */
  urlGeneration: number;
  /** File URLs up to this generation answer with this status. */
  expired?: { upTo: number; status: number };
  /** The changes before the kick-off, which the export includes. */
  changes: Change[];
  /** The job has failed, and its status says so. */
  failure?: { status: number; messages: Message[] };
  /** Absent while the files are being written. */
  files?: JobFile[] | undefined;
};

/** All jobs, with their files on disk. */
export class JobStore {
  readonly #settings: Settings;
  readonly #attachmentBase: string;
  readonly #jobs: Job[] = [];
  readonly #writing = new Map<string, Promise<void>>();
  readonly #now: () => number;
  readonly #changes: Change[];

  constructor(settings: Settings, attachmentBase: string, changes: Change[], now: () => number) {
    this.#settings = settings;
    this.#attachmentBase = attachmentBase;
    this.#changes = changes;
    this.#now = now;
    const { stateFile } = settings;
    if (stateFile === undefined || !existsSync(stateFile)) return;
    const state = JSON.parse(readFileSync(stateFile, 'utf8')) as { jobs: Job[]; changes: Change[] };
    changes.push(...state.changes);
    this.#jobs.push(...state.jobs);
    for (const job of this.#jobs) {
      if (job.deleted || job.files?.every((file) => existsSync(file.path))) continue;
      job.files = undefined;
      this.#write(job);
    }
  }

  create(request: ExportRequest): Job {
    const id = `job-${this.#jobs.length + 1}`;
    const changes = structuredClone(this.#changes);
    const job: Job = {
      id,
      request,
      at: this.#now(),
      askedAt: Date.now(),
      polls: 0,
      deleted: false,
      urlGeneration: 1,
      changes,
    };
    this.#jobs.push(job);
    this.#write(job);
    this.save();
    return job;
  }

  find(id: string | null): Job | undefined {
    return this.#jobs.find((job) => job.id === id);
  }

  /** Jobs that take a slot of the server; those that were forgotten are deleted first. */
  current(): Job[] {
    const { forgottenAfterMs = Infinity } = this.#settings;
    for (const job of this.#jobs) {
      if (!job.deleted && Date.now() - job.askedAt > forgottenAfterMs) job.deleted = true;
    }
    return this.#jobs.filter(({ deleted }) => !deleted);
  }

  all(): readonly Job[] {
    return this.#jobs;
  }

  /** Waits until the job's files are written, up to a limit in milliseconds. */
  async written(job: Job, limit = Infinity): Promise<void> {
    const writing = this.#writing.get(job.id);
    if (limit === Infinity) return writing;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limit);
    });
    await Promise.race([writing, late]);
    clearTimeout(timer);
  }

  /** All file URLs so far answer this status from now on. */
  expireFileUrls(job: Job, status: number): void {
    job.expired = { upTo: job.urlGeneration, status };
    this.save();
  }

  /** Waits until no files are being written, so that a folder can be removed. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#writing.values());
  }

  /** Writes the state file, from which the next process reads the jobs. */
  save(): void {
    const { stateFile } = this.#settings;
    if (stateFile === undefined) return;
    // Written beside and renamed: a process killed here leaves the old state and not half of the new one.
    writeFileSync(`${stateFile}.new`, JSON.stringify({ jobs: this.#jobs, changes: this.#changes }));
    renameSync(`${stateFile}.new`, stateFile);
  }

  #write(job: Job): void {
    const writing = this.#filesOf(job).then((files) => {
      job.files = files;
      this.save();
    });
    writing.catch((error: unknown) => console.error(`sample server: the files of ${job.id} failed`, error));
    this.#writing.set(job.id, writing);
  }

  /** Equal exports share one folder, which is complete as soon as it has its final name. */
  async #filesOf(job: Job): Promise<JobFile[]> {
    const { seed, patients, linesPerFile, version, messages, dataFolder } = this.#settings;
    const attachmentBase = this.#attachmentBase;
    const { url: _url, method: _method, lenient: _lenient, separateStatus: _separate, ...selection } = job.request;
    const key = JSON.stringify([
      seed,
      patients,
      linesPerFile,
      version,
      messages,
      attachmentBase,
      job.changes,
      selection,
    ]);
    const folder = join(dataFolder, createHash('sha256').update(key).digest('hex').slice(0, 16));
    const index = join(folder, 'files.json');
    if (existsSync(index)) return JSON.parse(await readFile(index, 'utf8')) as JobFile[];
    const draft = `${folder}.${job.id}.draft`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true });
    const hospital = new Hospital({ seed, patients, attachmentBase });
    hospital.changes.push(...job.changes);
    const written = await writeExport(job.request, hospital, draft, { linesPerFile, messages, version });
    const files = written.map((file) => ({ ...file, path: join(folder, file.name) }));
    await writeFile(join(draft, 'files.json'), JSON.stringify(files));
    await rename(draft, folder).catch(async (error: NodeJS.ErrnoException) => {
      // Another job with the same selection was faster; its files are the same.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      await rm(draft, { recursive: true });
    });
    return files;
  }
}
