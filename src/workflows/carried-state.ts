import type { OrdinalRange } from '../policy/batches.ts';
import { packOrdinals, unpackOrdinals } from '../policy/packed-ordinals.ts';
import type { Trouble } from '../policy/trouble.ts';
import { ordinalsOf } from './batch.ts';
import type { AttachmentState, DownloadState, ExportState, RetryState } from './state.ts';

/** Outages in a row after which the wait grows no more. */
const ENOUGH_TIMES = 9;

/**
 * Milliseconds to which times of further tries are rounded up, so that files which failed together stay together; and
 * those of first troubles, where there are too many groups else.
 */
const GRAINS = [
  { notBefore: 10_000, since: 1, times: 1 },
  { notBefore: 60_000, since: 60_000, times: 1 },
  { notBefore: 300_000, since: 900_000, times: ENOUGH_TIMES },
] as const;
/** Groups of files to be fetched again; each takes a hundred bytes. */
const MOST_GROUPS = 100;

/**
 * The state as one run hands it to the next: files to be fetched again are in groups, because many thousands may have
 * failed.
 */
export type CarriedState = Omit<ExportState, 'downloads' | 'attachments'> & {
  /** The run that hands it on; version 0.1.0 did not name it. */
  fromRun?: string;
  downloads?: CarriedDownloads;
  attachments?: Omit<AttachmentState, 'downloads'> & { downloads: CarriedDownloads };
};

type CarriedDownloads = Omit<DownloadState, 'retries'> & { retries: (RetryGroup | RetryState)[] };

/** Files that are in the same trouble: packed, or as earlier versions had them, where a range of one is its ordinal. */
interface RetryGroup {
  files: string | (number | OrdinalRange)[];
  trouble: Trouble;
  notBefore: number;
}

export function pack({ downloads, attachments, ...state }: ExportState, fromRun: string): CarriedState {
  return {
    ...state,
    fromRun,
    ...(downloads === undefined ? {} : { downloads: packDownloads(downloads) }),
    ...(attachments === undefined
      ? {}
      : { attachments: { ...attachments, downloads: packDownloads(attachments.downloads) } }),
  };
}

/** Also understands files one by one, as runs handed them on before there were groups. */
export function unpack(carried: CarriedState): ExportState {
  const { downloads, attachments, ...state } = carried;
  delete state.fromRun;
  return {
    ...state,
    ...(downloads === undefined ? {} : { downloads: unpackDownloads(downloads) }),
    ...(attachments === undefined
      ? {}
      : { attachments: { ...attachments, downloads: unpackDownloads(attachments.downloads) } }),
  };
}

function packDownloads(downloads: DownloadState): CarriedDownloads {
  let groups = groupRetries(downloads.retries, 0);
  for (let coarse = 1; coarse < GRAINS.length && groups.length > MOST_GROUPS; coarse++)
    groups = groupRetries(downloads.retries, coarse);
  return { ...downloads, retries: groups };
}

function groupRetries(retries: readonly RetryState[], coarse: number): RetryGroup[] {
  const grain = GRAINS[coarse] ?? GRAINS[0];
  const groups = new Map<string, { ordinals: number[]; trouble: Trouble; notBefore: number }>();
  for (const { ordinal, trouble: exact, notBefore } of retries) {
    const trouble = coarse === 0 ? exact : coarsened(exact, grain);
    const group = { ordinals: [ordinal], trouble, notBefore: roundUp(notBefore, grain.notBefore) };
    const key = JSON.stringify([group.trouble, group.notBefore]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, group);
    else known.ordinals.push(ordinal);
  }
  return [...groups.values()].map(({ ordinals, ...group }) => ({
    files: packOrdinals(ordinals.sort((one, other) => one - other)),
    ...group,
  }));
}

/** Never given up earlier for it; what has been reached only says what is progress. */
function coarsened({ cause, since, times, spent }: Trouble, grain: (typeof GRAINS)[number]): Trouble {
  return {
    cause,
    since: roundUp(since, grain.since),
    times: cause === 'outage' ? Math.min(Math.max(times, grain.times), ENOUGH_TIMES) : times,
    ...(spent === undefined ? {} : { spent }),
  };
}

function roundUp(time: number, grain: number): number {
  return Math.ceil(time / grain) * grain;
}

function unpackDownloads(downloads: CarriedDownloads): DownloadState {
  const retries = downloads.retries.flatMap((retry) => {
    if (!('files' in retry)) return retry;
    const { files, trouble, notBefore } = retry;
    const ordinals =
      typeof files === 'string'
        ? unpackOrdinals(files)
        : ordinalsOf(files.map((one): OrdinalRange => (typeof one === 'number' ? [one, one + 1] : one)));
    return ordinals.map((ordinal) => ({ ordinal, trouble, notBefore }));
  });
  return { ...downloads, retries };
}
