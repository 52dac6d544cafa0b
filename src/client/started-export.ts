import type { WorkflowHandle } from '@temporalio/client';
import type { ExportProgress, ExportReport, ExportRequest } from '../contract.ts';
import { POLL_NOW, PROGRESS } from '../contract.ts';
import type { FilesInput, FilesPage } from '../files-contract.ts';
import { FILES } from '../files-contract.ts';
import type { Accepted, FinishInput, PauseInput, RetryInput, Steered } from '../steering-contract.ts';
import { FINISH_INCOMPLETE, GIVE_UP, PAUSE, RESUME, RETRY_FILES, SET_CONCURRENCY } from '../steering-contract.ts';
import { ask } from './ask.ts';
import { awaitAccepted } from './await-accepted.ts';
import { opened } from './export-failure.ts';
import type { FollowOptions } from './follow.ts';
import { follow } from './follow.ts';

/** The workflow as its callers see it. */
export type BulkExportWorkflow = (request: ExportRequest) => Promise<ExportReport>;

/**
 * An export that has been started. Whoever has its workflow id has it: see `getExport`. What steers it throws
 * `UpdateRefused` when it makes no sense, or not now.
 */
export interface StartedExport {
  handle: WorkflowHandle<BulkExportWorkflow>;
  /**
   * Waits for the end.
   *
   * @throws ExportFailure with `code` and `details`
   */
  result(): Promise<ExportReport>;
  /**
   * Waits until the server has accepted the export.
   *
   * @throws ExportFailure when the export fails before
   */
  accepted(): Promise<Accepted>;
  progress(): Promise<ExportProgress>;
  /** How files stand: a page of them. */
  files(input?: FilesInput): Promise<FilesPage>;
  /** The progress whenever it has changed, until the end. */
  follow(options?: FollowOptions): AsyncGenerator<ExportProgress>;
  /** Ends every wait for the server. */
  pollNow(): Promise<void>;
  /** Default: all, and what runs ends first. */
  pause(input?: PauseInput): Promise<Steered>;
  resume(): Promise<Steered>;
  /** Most downloads of this export at a time, from 1 to 64. */
  setConcurrency(most: number): Promise<Steered>;
  /** Fetches files again that have failed or were put off. Default: all of them. */
  retryFiles(input?: RetryInput): Promise<Steered>;
  /** Ends with the files that are there, and `manifest.partial.json`: `result()` throws `IncompleteExport`. */
  finishIncomplete(input: FinishInput): Promise<Steered>;
  /** The same without that manifest. */
  giveUp(): Promise<Steered>;
  /**
   * Stops the export, deletes the server's job and removes unfinished parts. One whose `manifest.json` is published by then
   * is complete: `result()` gives its report.
   */
  cancel(): Promise<void>;
}

/** An export by its handle. */
export function startedExport(handle: WorkflowHandle<BulkExportWorkflow>): StartedExport {
  const update = (name: string, ...args: unknown[]): Promise<Steered> =>
    rethrown(handle.executeUpdate<Steered, [unknown, ...unknown[]]>(name, { args: args as [unknown] }));
  return {
    handle,
    result: () => rethrown(handle.result()),
    accepted: () => awaitAccepted(async () => handle),
    progress: () => ask<ExportProgress>(handle, PROGRESS),
    files: (input = {}) => ask<FilesPage, [FilesInput]>(handle, FILES, input),
    follow: (options) => follow(handle, options),
    pollNow: () => handle.signal(POLL_NOW),
    pause: (input = {}) => update(PAUSE, input),
    resume: () => update(RESUME),
    setConcurrency: (most) => update(SET_CONCURRENCY, most),
    retryFiles: (input = {}) => update(RETRY_FILES, input),
    finishIncomplete: (input) => update(FINISH_INCOMPLETE, input),
    giveUp: () => update(GIVE_UP),
    cancel: async () => {
      await handle.cancel();
    },
  };
}

async function rethrown<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw opened(error);
  }
}
