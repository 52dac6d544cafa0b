import type { ExportRequest } from '../../contract.ts';
import { earlierExports } from '../../export-folder/earlier-exports.ts';
import type { Owner } from '../../export-folder/owner-mark.ts';
import { resolveSettings } from '../../profiles/resolve.ts';
import { openDestination } from '../../storage/destinations.ts';
import type { LocalConfig } from './configuration.ts';

/** What `--since last` means now. */
export interface SinceLast {
  /** Undefined: all data are exported. */
  since: string | undefined;
  /** The export that is meant: its files are complete, but it has not ended, so its job may not be deleted yet. */
  running?: Owner;
  /** What was found, for the user. */
  note: string;
}

/**
 * The `_since` of an incremental export, by the exports at the destination that asked for the same.
 *
 * @param isRunning whether an export has not ended
 */
export async function sinceLast(
  { config, server, destination }: LocalConfig,
  request: ExportRequest,
  isRunning: (owner: Owner) => Promise<boolean>,
): Promise<SinceLast> {
  const root = await openDestination(config, destination, '');
  const entry = config.servers[server];
  const timeIsEnd = entry !== undefined && resolveSettings(entry).transactionTimeIsEnd;
  const earlier = await earlierExports(root, request, { baseUrl: entry?.baseUrl ?? '', timeIsEnd });
  const last = endOfChain(earlier);
  for (const { since, owner, report } of last === undefined ? earlier : earlier.slice(earlier.indexOf(last))) {
    if (!(await isRunning(owner))) continue;
    return { since, running: owner, note: `The export in ${report.location} has not ended yet: it goes on first.` };
  }
  const ignored = earlier.length - (last === undefined ? 0 : earlier.indexOf(last) + 1);
  const others =
    ignored === 0 ? '' : ` (${ignored} later, in which data may be missing, or with a gap before, do not count)`;
  if (last?.next === undefined) {
    const note = `No complete export of this request is in ${root.location}${others}: exporting all data.`;
    return { since: undefined, note };
  }
  const since = last.next;
  return { since, note: `Changes since ${since}, the time of the export in ${last.report.location}${others}.` };
}

/** What of an export says whether another one can follow. */
interface Chained {
  since: string | undefined;
  /** The `_since` of one that follows; undefined: none can. */
  next?: string | undefined;
}

/**
 * The last of the exports that follow on one another without a gap, from that of all data on, or else from the one that
 * reaches back farthest.
 *
 * @param earlier by transaction time
 */
export function endOfChain<E extends Chained>(earlier: readonly E[]): E | undefined {
  const clean = earlier.filter(({ next }) => next !== undefined);
  const [first] = clean.toSorted((a, b) => beginOf(a) - beginOf(b));
  if (first === undefined) return undefined;
  let last = first;
  for (const next of clean) {
    const follows = beginOf(next) <= endOf(last) && endOf(next) > endOf(last);
    if (follows) last = next;
  }
  return last;
}

function beginOf({ since }: Chained): number {
  return since === undefined ? Number.MIN_SAFE_INTEGER : Date.parse(since);
}

function endOf({ next }: Chained): number {
  return Date.parse(next ?? '');
}
