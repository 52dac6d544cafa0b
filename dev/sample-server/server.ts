import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from './context.ts';
import { fileUrl, statusUrl } from './endpoints/links.ts';
import type { ExportRequest } from './export/export-request.ts';
import { JobStore, type Job } from './export/jobs.ts';
import type { ExpectedFile } from './export/ndjson-files.ts';
import { FaultList, type FaultRule } from './faults.ts';
import { Hospital } from './generate/hospital.ts';
import { handle } from './handle.ts';
import { errorAnswer, type Answer } from './http/answer.ts';
import { Listener } from './http/listener.ts';
import { send } from './http/send.ts';
import type { JournalEntry } from './journal.ts';
import { withDefaults, type SampleServerOptions } from './options.ts';

/** The state of a job, for tests. */
export type JobSummary = {
  id: string;
  state: 'in-progress' | 'complete' | 'failed' | 'deleted';
  deleted: boolean;
  /** "In progress" answers given so far. */
  polls: number;
  transactionTime: string;
  statusUrl: string;
  /** The kick-off as understood. */
  request: ExportRequest;
};

/** A running server. */
export type SampleServer = {
  /** `http://127.0.0.1:PORT/fhir` */
  readonly baseUrl: string;
  /** Origin of the second port. */
  readonly otherOrigin: string;
  /** All requests so far, oldest first; setting its length to 0 empties it. */
  readonly journal: JournalEntry[];
  /** Faults to come: `add` a rule, or `clear` all of them. */
  readonly faults: { add(rule: FaultRule): void; clear(): void };
  /** All jobs so far, oldest first. */
  jobs(): JobSummary[];
  /**
   * The files of a job (default: the last one) in manifest order.
   *
   * @throws Error for an unknown job, and while its files are not written yet
   */
  expectedFiles(jobId?: string): ExpectedFile[];
  /** Waits until the files of a job (default: the last one) are written; those of a complete job are. */
  filesWritten(jobId?: string): Promise<void>;
  /** Updates some patients now, and deletes others with all their resources. For incremental exports. */
  change(counts: { updated?: number; deleted?: number }): void;
  /** Patients (`pat-1`) come into a group now, or leave it; their data does not change. */
  changeGroup(id: string, change: { add?: string[]; remove?: string[] }): void;
  /** All file URLs of the job (default: the last one) answer `status`; its manifest, read again, has new ones. */
  expireFileUrls(status: number, jobId?: string): void;
  /** Closes all connections and both ports, or those of one. */
  goAway(which?: 'same' | 'other'): Promise<void>;
  /** Listens again on the ports that were closed. */
  comeBack(): Promise<void>;
  /** Closes both ports, and removes the temporary folder. */
  close(): Promise<void>;
};

const BOTH = ['same', 'other'] as const;

/**
 * Starts a FHIR Bulk Data server with generated data on 127.0.0.1.
 *
 * @throws Error with code EADDRINUSE when another process listens on the port
 */
export async function startSampleServer(options: SampleServerOptions = {}): Promise<SampleServer> {
  const ownFolder = options.dataFolder === undefined;
  const dataFolder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), 'sample-server-')));
  await mkdir(dataFolder, { recursive: true });
  const settings = withDefaults(options, dataFolder);
  const journal: JournalEntry[] = [];
  const faults = new FaultList();
  const closing = new AbortController();

  const listen = (port: number, origin: 'same' | 'other') =>
    new Listener(port, (request, response) => {
      const server = { context, journal, faults, closing: closing.signal };
      handle(request, response, origin, server).catch(async (error: unknown) => {
        // A client that closes the connection while its request is read causes no fault of the server.
        if (request.socket.destroyed) return;
        const entry = journal.findLast((candidate) => candidate.headers === request.headers);
        if (response.headersSent || entry === undefined) request.socket.destroy();
        else await send(request, response, failure(error), [], entry, undefined);
      });
    });
  const listeners = { same: listen(settings.port, 'same'), other: listen(settings.otherPort, 'other') };
  // The first port last: no client may reach it before the server can answer.
  try {
    await listeners.other.open();
    await listeners.same.open();
  } catch (error) {
    await release();
    throw error;
  }

  async function release(): Promise<void> {
    await Promise.all([listeners.same.close(), listeners.other.close()]);
    if (ownFolder) await rm(dataFolder, { recursive: true, force: true });
  }

  const origins = { same: listeners.same.origin, other: listeners.other.origin };
  const baseUrl = origins.same + settings.basePath;
  const attachmentBase = settings.attachmentUrls === 'absolute' ? `${baseUrl}/` : '';
  const hospital = new Hospital({ seed: settings.seed, patients: settings.patients, attachmentBase });
  let last = 0;
  // Strictly rising, so that a change after a kick-off is after its transactionTime as well.
  const now = () => (last = Math.max(Date.now(), last + 1));
  const jobs = new JobStore(settings, attachmentBase, hospital.changes, now);
  const context: Context = { settings, hospital, jobs, origins, baseUrl };

  const jobOf = (jobId: string | undefined): Job => {
    const job = jobId === undefined ? jobs.all().at(-1) : jobs.find(jobId);
    if (job === undefined) throw new Error(`The sample server has no job ${jobId ?? 'yet'}`);
    return job;
  };

  return {
    baseUrl,
    otherOrigin: origins.other,
    journal,
    faults,
    jobs: () => jobs.all().map((job) => summary(context, job)),
    expectedFiles(jobId) {
      const job = jobOf(jobId);
      if (job.files === undefined) throw new Error(`The files of ${job.id} are not written yet`);
      return job.files.map((file) => ({ ...file, url: fileUrl(context, job, file) }));
    },
    filesWritten: (jobId) => jobs.written(jobOf(jobId)),
    change(counts) {
      hospital.change(counts, now());
      jobs.save();
    },
    changeGroup(id, change) {
      hospital.changeGroup(id, change, now());
      jobs.save();
    },
    expireFileUrls: (status, jobId) => jobs.expireFileUrls(jobOf(jobId), status),
    async goAway(which) {
      await Promise.all((which === undefined ? BOTH : [which]).map((port) => listeners[port].close()));
    },
    async comeBack() {
      await Promise.all([listeners.same.open(), listeners.other.open()]);
    },
    async close() {
      closing.abort();
      await Promise.all([listeners.same.close(), listeners.other.close()]);
      await jobs.idle();
      await release();
    },
  };
}

/** An answer for faults of the server itself, as opposed to those that a rule demands. */
function failure(error: unknown): Answer {
  return errorAnswer(500, 'exception', `Sample server: ${error instanceof Error ? error.stack : String(error)}`);
}

function summary(context: Context, job: Job): JobSummary {
  return {
    id: job.id,
    state: stateOf(context, job),
    deleted: job.deleted,
    polls: job.polls,
    transactionTime: new Date(job.at).toISOString(),
    statusUrl: statusUrl(context, job),
    request: job.request,
  };
}

function stateOf({ settings }: Context, job: Job): JobSummary['state'] {
  const { pollsUntilReady, readyAfterMs } = settings;
  if (job.deleted) return 'deleted';
  if (job.failure !== undefined) return 'failed';
  const due = readyAfterMs === undefined ? job.polls >= pollsUntilReady : Date.now() - job.at >= readyAfterMs;
  return due && job.files !== undefined ? 'complete' : 'in-progress';
}
