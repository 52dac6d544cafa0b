import type { StoredExport } from '../../export-folder/stored-exports.ts';
import { endOfChain } from '../export/since-last.ts';

/**
 * The complete exports that other exports need, with the reason: of each request the newest one, and the one from which
 * `--since last` goes on. Without that one, it would go on from another, and might pass over what has changed before.
 *
 * @param exports all of a destination
 */
export function neededExports(exports: readonly StoredExport[]): ReadonlyMap<string, string> {
  const series = new Map<string, StoredExport[]>();
  for (const one of exports) {
    if (one.state !== 'complete') continue;
    const { seriesHash, requestHash, baseUrl = '' } = one.mark;
    const key = `${seriesHash ?? requestHash} ${baseUrl}`;
    series.set(key, [...(series.get(key) ?? []), one]);
  }
  const needed = new Map<string, string>();
  for (const same of series.values()) {
    const newest = same.reduce((a, b) => (b.endedAt > a.endedAt ? b : a));
    needed.set(newest.path, 'the newest complete export of its request');
    const last = endOfChain(same.flatMap(asEarlier).sort((a, b) => a.time - b.time));
    if (last !== undefined && last.path !== newest.path) needed.set(last.path, '--since last goes on from it');
  }
  return needed;
}

function asEarlier({ path, mark: { since }, report }: StoredExport) {
  const time = Date.parse(report?.transactionTime ?? '');
  return report === undefined || Number.isNaN(time) ? [] : [{ path, since, report, time }];
}
