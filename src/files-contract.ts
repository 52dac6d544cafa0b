/** The query `files`: how each file of an export stands. */

/** Query that answers with {@link FilesPage}. */
export const FILES = 'files';

/** Files of one answer. */
export const MOST_FILES = 200;

/**
 * - `waiting`: to be fetched, for the first time or again
 * - `fetching`: in a batch that is under way; some of its files may be there
 * - `put-off`: to be fetched again at a time
 * - `whole`: at its final name
 * - `failed`: given up; an operator may have it fetched again
 * - `unknown`: whole or failed; more have failed than are remembered
 */
export const FILE_STATES = ['waiting', 'fetching', 'put-off', 'whole', 'failed', 'unknown'] as const;
export type FileState = (typeof FILE_STATES)[number];

/** The argument of the query. */
export interface FilesInput {
  /** Default: all. */
  state?: FileState | undefined;
  /** Resource type; `Bundle` for deletions, `OperationOutcome` for the server's messages. Default: all. */
  type?: string | undefined;
  /** `next` of the answer before. Default: the beginning. */
  after?: number | undefined;
  /** From 1 to 200. Default 100. */
  limit?: number | undefined;
}

/** One file of the manifest. */
export interface FileStatus {
  /** Its place in the manifest, from 1, which stays. */
  number: number;
  /** At the destination; absent with its type where the manifest mixes types too much. */
  name?: string | undefined;
  type?: string | undefined;
  state: FileState;
  /** Until when it was put off: ISO 8601 in UTC. */
  until?: string | undefined;
  /** Why it was put off or given up, as in `fetchedAgain`; `final`: at once. */
  cause?: string | undefined;
}

/** The files asked for, in the order of the manifest. */
export interface FilesPage {
  files: FileStatus[];
  /** Files of the manifest, as far as it is known. */
  total: number;
  /** Present when there may be more: for `after`. */
  next?: number | undefined;
}
