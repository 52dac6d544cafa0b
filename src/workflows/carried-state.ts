import type { EarlierState } from './earlier-versions.ts';
import { inTodaysShape } from './earlier-versions.ts';
import type { RetryGroup } from './retry-groups.ts';
import { packRetries, unpackRetries } from './retry-groups.ts';
import type { DownloadState, ExportState, RetryState } from './state.ts';

type CarriedRetry = RetryGroup | RetryState;

/**
 * The state as one run hands it to the next: files to be fetched again are in groups, because many thousands may have
 * failed.
 */
export type CarriedState = ExportState<CarriedRetry> & {
  /** The run that hands it on; version 0.1.0 did not name it. */
  fromRun?: string;
};

/** @param fromRun id of the run that hands the state on */
export function pack(state: ExportState, fromRun: string): CarriedState {
  return { ...mapRetries(state, packRetries), fromRun };
}

/** Also understands the states of earlier versions. */
export function unpack(carried: CarriedState | EarlierState<CarriedRetry>): ExportState {
  const { fromRun: _, ...state } = inTodaysShape(carried) as CarriedState;
  return mapRetries(state, unpackRetries);
}

function mapRetries<A, B>({ job, ...state }: ExportState<A>, map: (retries: A[]) => B[]): ExportState<B> {
  const mapped = (one: DownloadState<A>): DownloadState<B> => ({ ...one, retries: map(one.retries) });
  const { downloads, attachments, ...rest } = job;
  return {
    ...state,
    job: {
      ...rest,
      downloads: downloads && mapped(downloads),
      attachments: attachments && { ...attachments, downloads: mapped(attachments.downloads) },
    },
  };
}
