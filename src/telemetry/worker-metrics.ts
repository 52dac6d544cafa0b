import type { MetricMeter } from '@temporalio/common';
import type { CountsByType } from '../policy/type-counts.ts';
import type { AnswerOf } from '../http/messages.ts';
import type { LostBytes } from '../download/lost-bytes.ts';
import { OldestJobs } from './oldest-jobs.ts';
import { Recorder } from './recorder.ts';

/** Bytes that are counted at once: each count is a call of native code. */
const STEP = 1024 * 1024;
/** What became of a token that was asked for; `unavailable`: it may be given later. */
const TOKEN_OUTCOMES = ['granted', 'refused', 'unavailable'] as const;
export type TokenOutcome = (typeof TOKEN_OUTCOMES)[number];

/** The bytes of one file that come, counted in large steps. */
export class Receiving {
  readonly #count: (bytes: number) => void;
  #latest: number | undefined;
  #counted = 0;

  constructor(count: (bytes: number) => void) {
    this.#count = count;
  }

  /**
   * @param bytes of the file that are there
   * @param resumedAt those of them that an earlier attempt has received
   */
  upTo(bytes: number, resumedAt: number): void {
    if (this.#latest === undefined) this.#counted = resumedAt;
    // It has begun anew.
    else if (bytes < this.#latest) {
      this.end();
      this.#counted = 0;
    }
    this.#latest = bytes;
    if (bytes - this.#counted >= STEP) this.end();
  }

  /** Counts the rest. */
  end(): void {
    const bytes = (this.#latest ?? 0) - this.#counted;
    if (bytes > 0) this.#count(bytes);
    this.#counted += Math.max(0, bytes);
  }
}

/** What this process counts, whichever export it is for. */
export class WorkerMetrics {
  /** What servers have left in progress. */
  readonly jobs: OldestJobs;
  readonly #record: Recorder;

  /** @param servers configured names; what alerts look at is there for each of them from the start */
  constructor(meter: MetricMeter, servers: readonly string[] = []) {
    this.#record = new Recorder(meter);
    this.jobs = new OldestJobs((server, acceptedAt = 0) =>
      this.#record.set('oldest_job_accepted_seconds', { server }, acceptedAt / 1000),
    );
    for (const server of servers) {
      this.#record.count('content_faults_total', { server }, 0);
      for (const outcome of TOKEN_OUTCOMES) this.#record.count('tokens_total', { server, outcome }, 0);
    }
  }

  started(version: string): void {
    this.#record.set('info', { version }, 1);
  }

  answered({ server, what, status }: AnswerOf): void {
    const ofClass = status === undefined ? 'none' : `${Math.floor(status / 100)}xx`;
    this.#record.count('http_answers_total', { server, request: what, status: ofClass });
  }

  /** Counts what comes of a file. */
  receiving(server: string): Receiving {
    return new Receiving((bytes) => this.#record.count('received_bytes_total', { server }, bytes));
  }

  stored(server: string, counts: CountsByType): void {
    for (const [key, { files, resources, bytes }] of Object.entries(counts)) {
      // Under one name are all types that FHIR does not know.
      const labels = { server, type: key === 'Resource' ? 'other' : key };
      this.#record.count('files_total', labels, files);
      this.#record.count('resources_total', labels, resources);
      this.#record.count('bytes_total', labels, bytes);
    }
  }

  lost(server: string, { cause, bytes }: LostBytes): void {
    if (bytes > 0) this.#record.count('refetched_bytes_total', { server, cause }, bytes);
  }

  contentFault(server: string): void {
    this.#record.count('content_faults_total', { server });
  }

  token(server: string, outcome: TokenOutcome): void {
    this.#record.count('tokens_total', { server, outcome });
  }

  /** @param isUsable it could be written to when it was looked at last */
  usable(destination: string, isUsable: boolean): void {
    this.#record.set('destination_ok', { destination }, isUsable ? 1 : 0);
  }

  freeSpace(destination: string, bytes: number): void {
    this.#record.set('destination_free_bytes', { destination }, bytes);
  }
}
