import type { Range } from '../fhir/batches.ts';
import { toRanges } from '../fhir/batches.ts';
import type { Trouble } from '../fhir/trouble.ts';
import { ordinalsOf } from './batch.ts';
import type { AttachmentState, DownloadState, ExportState, RetryState } from './state.ts';

/** Milliseconds to which times of further tries are rounded up, so that files which failed together stay together. */
const GRAIN = 10_000;

/**
 * The state as one run hands it to the next: files to be fetched again are in groups, because thousands may have been
 * in flight and failed.
 */
export type CarriedState = Omit<ExportState, 'downloads' | 'attachments'> & {
  downloads?: CarriedDownloads;
  attachments?: Omit<AttachmentState, 'downloads'> & { downloads: CarriedDownloads };
};

type CarriedDownloads = Omit<DownloadState, 'retries'> & { retries: (RetryGroup | RetryState)[] };

/** Files that are in the same trouble; a range of one file is its ordinal. */
interface RetryGroup {
  files: (number | Range)[];
  trouble: Trouble;
  notBefore: number;
}

export function pack({ downloads, attachments, ...state }: ExportState): CarriedState {
  return {
    ...state,
    ...(downloads === undefined ? {} : { downloads: packDownloads(downloads) }),
    ...(attachments === undefined
      ? {}
      : { attachments: { ...attachments, downloads: packDownloads(attachments.downloads) } }),
  };
}

/** Also understands files one by one, as runs handed them on before there were groups. */
export function unpack({ downloads, attachments, ...state }: CarriedState): ExportState {
  return {
    ...state,
    ...(downloads === undefined ? {} : { downloads: unpackDownloads(downloads) }),
    ...(attachments === undefined
      ? {}
      : { attachments: { ...attachments, downloads: unpackDownloads(attachments.downloads) } }),
  };
}

function packDownloads(downloads: DownloadState): CarriedDownloads {
  const groups = new Map<string, { ordinals: number[]; trouble: Trouble; notBefore: number }>();
  for (const { ordinal, trouble, notBefore: exact } of downloads.retries) {
    const notBefore = Math.ceil(exact / GRAIN) * GRAIN;
    const key = JSON.stringify([trouble, notBefore]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ordinals: [ordinal], trouble, notBefore });
    else group.ordinals.push(ordinal);
  }
  const retries = [...groups.values()].map(({ ordinals, ...group }) => ({
    files: toRanges(ordinals).map(([from, to]) => (to - from === 1 ? from : ([from, to] as const))),
    ...group,
  }));
  return { ...downloads, retries };
}

function unpackDownloads(downloads: CarriedDownloads): DownloadState {
  const retries = downloads.retries.flatMap((retry) => {
    if (!('files' in retry)) return retry;
    const { files, trouble, notBefore } = retry;
    const ranges = files.map((one): Range => (typeof one === 'number' ? [one, one + 1] : one));
    return ordinalsOf(ranges).map((ordinal) => ({ ordinal, trouble, notBefore }));
  });
  return { ...downloads, retries };
}
