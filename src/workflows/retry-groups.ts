import type { OrdinalRange } from '../policy/batches.ts';
import { packOrdinals, unpackOrdinals } from './packed-ordinals.ts';
import type { Trouble } from '../policy/trouble.ts';
import { ordinalsOf } from './batch.ts';
import type { RetryState } from './state.ts';

/** Outages in a row after which the wait grows no more. */
const ENOUGH_TIMES = 9;

/**
 * Milliseconds to which times of further tries are rounded up, so that files which failed together stay together; and
 * those of first troubles, where there would otherwise be too many groups.
 */
const GRAINS = [
  { notBefore: 10_000, since: 1, times: 1 },
  { notBefore: 60_000, since: 60_000, times: 1 },
  { notBefore: 300_000, since: 900_000, times: ENOUGH_TIMES },
] as const;
/** Groups of files to be fetched again; each takes a hundred bytes. */
const MOST_GROUPS = 100;

/** Files that are in the same trouble: packed, or as earlier versions had them, where a range of one is its ordinal. */
export interface RetryGroup {
  files: string | (number | OrdinalRange)[];
  trouble: Trouble;
  notBefore: number;
}

/** Files to be fetched again in few groups: finely if that suffices, else with coarser times. */
export function packRetries(retries: readonly RetryState[]): RetryGroup[] {
  let groups = groupRetries(retries, 0);
  for (let coarse = 1; coarse < GRAINS.length && groups.length > MOST_GROUPS; coarse++)
    groups = groupRetries(retries, coarse);
  return groups;
}

/** Also understands files one by one, as runs handed them on before there were groups. */
export function unpackRetries(carried: readonly (RetryGroup | RetryState)[]): RetryState[] {
  return carried.flatMap((retry) => {
    if (!('files' in retry)) return retry;
    const { files, trouble, notBefore } = retry;
    const ordinals =
      typeof files === 'string'
        ? unpackOrdinals(files)
        : ordinalsOf(files.map((one): OrdinalRange => (typeof one === 'number' ? [one, one + 1] : one)));
    return ordinals.map((ordinal) => ({ ordinal, trouble, notBefore }));
  });
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

/**
 * Rounds up, so that no file is given up earlier than it would have been. `reached` is dropped: it only decides what counts
 * as progress.
 */
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
