import type { StoredExport } from '../../export-folder/stored-exports.ts';
import { endOfChain } from '../export/since-last.ts';

/** What is known when it is decided which exports are needed. */
interface Circumstances {
  /** Those that others need may be removed, too. */
  all: boolean;
  /** Some folders could not be read: there may be more exports. */
  hasFaults: boolean;
}

/**
 * The complete exports that other exports need, with the reason: of each request the newest one, and the one from which
 * `--since last` goes on. Without that one, it would go on from another, and might pass over what has changed before. And the
 * newest one that has a list of the members of its group, without which the next one exports all data of them.
 *
 * With `all`, only such a one from which it would pass over changes: while a later one, after a gap, is there. (If none is,
 * the next `--since last` exports all data.)
 *
 * @param exports all of a destination
 */
export function neededExports(
  exports: readonly StoredExport[],
  { all, hasFaults }: Circumstances,
): ReadonlyMap<string, string> {
  const series = new Map<string, StoredExport[]>();
  for (const one of exports) {
    if (one.state !== 'complete') continue;
    const { seriesHash, requestHash, baseUrl = '' } = one.mark;
    const key = `${seriesHash ?? requestHash} ${baseUrl}`;
    series.set(key, [...(series.get(key) ?? []), one]);
  }
  const needed = new Map<string, string>();
  for (const same of series.values()) {
    const newest = newestOf(same);
    const listing = newestOf(same.filter(({ report }) => report?.newMembers?.list !== undefined));
    const earlier = same.flatMap(asEarlier).sort((a, b) => a.time - b.time);
    const last = endOfChain(earlier);
    if (!all && listing !== undefined) {
      needed.set(
        listing.path,
        'the next export compares the members of the group with its list; --all removes it, too',
      );
    }
    if (!all && newest !== undefined) {
      needed.set(newest.path, 'the newest complete export of its request; --all removes it, too');
    }
    if (last === undefined || needed.has(last.path)) continue;
    if (!all) needed.set(last.path, '--since last goes on from it; --all removes it, too');
    else if (earlier.some(({ time, next }) => next !== undefined && time > last.time)) {
      needed.set(
        last.path,
        'without it, --since last would go on from a later one, and pass over changes between them',
      );
    } else if (hasFaults) needed.set(last.path, '--since last goes on from it, and not all folders could be read');
  }
  return needed;
}

function newestOf(exports: readonly StoredExport[]): StoredExport | undefined {
  return exports.toSorted((a, b) => b.endedAt - a.endedAt)[0];
}

function asEarlier({ path, mark: { since }, report, next }: StoredExport) {
  const time = Date.parse(report?.transactionTime ?? '');
  return Number.isNaN(time) ? [] : [{ path, since, next, time }];
}
