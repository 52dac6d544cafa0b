import * as v from 'valibot';
import type { FileStatus, FilesInput, FilesPage } from '../files-contract.ts';
import { FILE_STATES, MOST_FILES } from '../files-contract.ts';
import { readNames } from '../policy/file-names.ts';
import { ordinalsOf } from './batch.ts';
import type { BatchesInFlight } from './batches-in-flight.ts';
import type { DownloadState, JobState } from './state.ts';
import { faultOfFields } from './validate-steering.ts';

const INPUT = {
  state: v.optional(v.picklist(FILE_STATES, `must be one of ${FILE_STATES.join(', ')}`)),
  type: v.optional(v.string('must be a resource type')),
  after: v.optional(v.pipe(v.number('must be a number'), v.integer('must be a whole number'))),
  limit: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.integer('must be a whole number'),
      v.minValue(1, `must be from 1 to ${MOST_FILES}`),
      v.maxValue(MOST_FILES, `must be from 1 to ${MOST_FILES}`),
    ),
  ),
};
const USUAL = 100;

/**
 * Answer to the query `files`, from what the workflow knows.
 *
 * @param input from anybody
 * @throws Error that names what is wrong
 */
export function filesPage(job: JobState, fetching: BatchesInFlight | undefined, input: FilesInput = {}): FilesPage {
  const fault = faultOfFields(input, INPUT);
  if (fault !== undefined) throw new TypeError(fault);
  const { state, type, after = 0, limit = USUAL } = input;
  const total = job.manifest?.entries ?? 0;
  const known = job.manifest?.names;
  if (type !== undefined && total > 0 && known === undefined)
    throw new TypeError('type: the types of this export are not known file by file; leave it out');
  const names = known === undefined ? undefined : readNames(known);
  const statusOf = standing(job.downloads, fetching?.ordinals ?? new Set());
  const files: FileStatus[] = [];
  for (let ordinal = 0; ordinal < total; ordinal++) {
    const named: { name?: string; type?: string } = names?.next().value ?? {};
    if (ordinal < after || (type !== undefined && named.type !== type)) continue;
    const status = statusOf(ordinal);
    if (state !== undefined && status.state !== state) continue;
    if (files.length === limit) return { files, total, next: (files.at(-1) as FileStatus).number };
    files.push({ number: ordinal + 1, ...named, ...status });
  }
  return { files, total };
}

type Status = Pick<FileStatus, 'state' | 'until' | 'cause'>;

/** How a file stands, by its ordinal. */
function standing(downloads: DownloadState | undefined, fetching: ReadonlySet<number>): (ordinal: number) => Status {
  if (downloads === undefined) return () => ({ state: 'waiting' });
  const { retries, planned, cursor, failed, left = 0, gaveUp = [], causes = {} } = downloads;
  const waiting = new Map(retries.map((retry) => [retry.ordinal, retry]));
  const isPlanned = new Set(ordinalsOf(planned));
  const why = new Map(Object.entries(causes).flatMap(([cause, files]) => files.map((file) => [file, cause] as const)));
  const isGivenUp = new Set(gaveUp);
  const areAllKnown = failed === gaveUp.length && left === 0;
  return (ordinal) => {
    if (fetching.has(ordinal)) return { state: 'fetching' };
    const retry = waiting.get(ordinal);
    if (retry !== undefined) {
      const { cause } = retry.trouble;
      if (retry.notBefore <= Date.now()) return { state: 'waiting', cause };
      return { state: 'put-off', until: new Date(retry.notBefore).toISOString(), cause };
    }
    if (ordinal >= cursor || isPlanned.has(ordinal)) return { state: 'waiting' };
    if (isGivenUp.has(ordinal)) return { state: 'failed', cause: why.get(ordinal) };
    return { state: areAllKnown ? 'whole' : 'unknown' };
  };
}
