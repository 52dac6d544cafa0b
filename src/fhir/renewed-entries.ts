import type { Entry } from './entries.ts';
import { lastingMarks } from './lasting-marks.ts';
import { withoutSignature } from './signature-free.ts';

/** What is known of an entry, whatever its link is at the moment. */
export type KnownEntry = Pick<Entry, 'kind' | 'type' | 'count' | 'length' | 'sha256' | 'url'>;

/** What a new reading of the manifest says of the entries that are known. */
export type Renewal =
  /** `places`: for each known entry its place among the new ones. `byOrder`: of some nothing but their order tells it. */
  { kind: 'same'; places: number[]; byOrder: boolean } | { kind: 'other'; detail: string };

/** Why a new reading is not of the same files, or cannot be known to be. */
class OtherFiles extends Error {}

/**
 * Finds the entries that are known in a new reading of the manifest, which must list the same files as before but may
 * have new URLs (Bulk Data IG 3.0, allowPartialManifests). Nothing says that it keeps its order, so the files of one
 * array are found
 * - by their URLs without query, when these are the same; several that differ in the query only, by the parameters
 *   whose values are all still there, which a signature's are not;
 * - by the segments of their paths and the parameters that are still there, when every URL without query is new: a
 *   signature may be a part of the path;
 * - by their order, when nothing that is still there contradicts it, and everything else that is known agrees. A server
 *   may list them in any order: had it another one, some file would come twice, which shows in the end.
 *
 * Anything else is `other`: to guess could mean to store one file twice and another never.
 *
 * @param isSameMoment both readings have the same `transactionTime`; otherwise files are found only where their URLs
 *   without query are the same, those that share one where the rest but for a signature is, and nothing by its order
 */
export function matchEntries(
  before: readonly KnownEntry[],
  after: readonly KnownEntry[],
  isSameMoment: boolean,
): Renewal {
  const places: number[] = Array.from({ length: before.length });
  let byOrder = false;
  try {
    for (const kind of ['output', 'deleted', 'error'] as const) {
      const [was, is] = [before, after].map((list) => list.flatMap((entry, at) => toPlaced(entry, at, kind)));
      const found = pairs(was as Placed[], is as Placed[], isSameMoment);
      byOrder ||= kind !== 'error' && found.byOrder;
      for (const [old, renewed] of found.all) {
        const changed = FIXED.find((field) => old.entry[field] !== renewed.entry[field]);
        if (changed !== undefined) throw new OtherFiles(`the ${changed} of a file is not what it was`);
        places[old.at] = renewed.at;
      }
    }
  } catch (error) {
    if (error instanceof OtherFiles) return { kind: 'other', detail: error.message };
    throw error;
  }
  return { kind: 'same', places, byOrder };
}

/** Fields of an entry that never change. */
const FIXED = ['type', 'count', 'length', 'sha256'] as const;

/** An entry, where it is in its list, and its URL without query. */
interface Placed {
  entry: KnownEntry;
  at: number;
  path: string;
}

function toPlaced(entry: KnownEntry, at: number, kind: KnownEntry['kind']): Placed | [] {
  return entry.kind === kind ? { entry, at, path: entry.url.replace(/[?#].*$/s, '') } : [];
}

/** Entries with those that took their place. `byOrder`: nothing but their order tells some of them apart. */
interface Pairs {
  all: [Placed, Placed][];
  byOrder: boolean;
}

function pairs(was: readonly Placed[], is: readonly Placed[], isSameMoment: boolean): Pairs {
  if (was.length !== is.length) throw new OtherFiles(`it lists ${is.length} files in place of ${was.length}`);
  const [known, renewed] = [groupBy(was, ({ path }) => path), groupBy(is, ({ path }) => path)];
  if ([...known.keys()].every((path) => !renewed.has(path))) return pairNewPaths(was, is, isSameMoment);
  const found: [Placed, Placed][] = [];
  const unclear: [Placed[], Placed[]] = [[], []];
  for (const [path, olds] of known) {
    const news = renewed.get(path) ?? [];
    if (news.length !== olds.length) throw new OtherFiles('some of its files have other URLs than before');
    pairPath(olds, news, { isSameMoment, found, unclear });
  }
  const rest = inOrder(...unclear, isSameMoment);
  return { all: [...found, ...rest], byOrder: rest.length > 1 };
}

/** Pairs files of which every URL without query is new: what is still there may show which is which. */
function pairNewPaths(was: readonly Placed[], is: readonly Placed[], isSameMoment: boolean): Pairs {
  // Files of another moment have the same names when the server has run the job again, and other resources.
  // Of one file all that stays is its own, whatever it says.
  if (was.length < 2 || !isSameMoment) return { all: inOrder(was, is, isSameMoment), byOrder: false };
  const [olds, news] = [was, is].map((some) => some.map(({ entry }) => entry.url)) as [string[], string[]];
  const marks = lastingMarks(olds, news);
  if (marks.isMixed) throw new OtherFiles('some of its files have other URLs than before');
  const named = groupBy(is, ({ entry }) => marks.nameOf(entry.url));
  if (named.size === is.length) {
    const byName = was.map((old) => [old, named.get(marks.nameOf(old.entry.url))?.[0]]);
    if (byName.every(([, renewed]) => renewed !== undefined)) {
      return { all: byName as [Placed, Placed][], byOrder: false };
    }
  }
  const byOrder = inOrder(was, is, isSameMoment);
  if (byOrder.some(([old, renewed]) => marks.allOf(old.entry.url) !== marks.allOf(renewed.entry.url)))
    throw new OtherFiles('what is still there of its URLs has another order');
  return { all: byOrder, byOrder: true };
}

/** Pairs the files that share a URL without query. */
function pairPath(
  olds: readonly Placed[],
  news: readonly Placed[],
  { isSameMoment, found, unclear }: { isSameMoment: boolean; found: [Placed, Placed][]; unclear: [Placed[], Placed[]] },
): void {
  const [was, is] = [queries(olds), queries(news)];
  const lasting = lastingNames(was, is);
  // A number that stays may be that of another file when the server has run the job again.
  if (!isSameMoment && olds.length > 1 && !differInSignatures(olds, news))
    throw new OtherFiles('its transactionTime is not what it was');
  const keyed = (some: readonly Placed[], ofSome: readonly URLSearchParams[]): Map<string, Placed[]> =>
    groupBy(
      some.map((one, order) => ({ ...one, path: `${one.path} ${valuesOf(lasting, ofSome[order])}` })),
      ({ path }) => path,
    );
  const renewed = keyed(news, is);
  for (const [key, some] of keyed(olds, was)) {
    const others = renewed.get(key) ?? [];
    const isClear = some.length === 1 || (areOne(some) && areOne(others));
    if (others.length !== some.length || (!isClear && (haveCommonUrl(some, others) || areOne(others))))
      throw new OtherFiles('it has files that cannot be distinguished');
    // One by one: a call cannot take hundreds of thousands.
    for (const [order, old] of some.entries()) {
      const other = others[order] as Placed;
      if (isClear) found.push([old, other]);
      else [old, other].forEach((one, side) => unclear[side]?.push(one));
    }
  }
}

/** A file that is listed several times. */
function areOne(some: readonly Placed[]): boolean {
  return some.every(({ entry }) => entry.url === some[0]?.entry.url);
}

/** Whether all URLs are what they were, but for signatures as object storages know them. */
function differInSignatures(olds: readonly Placed[], news: readonly Placed[]): boolean {
  const [was, is] = [olds, news].map((some) =>
    some
      .map(({ entry }) => withoutSignature(entry.url))
      .sort()
      .join('\n'),
  );
  return was === is;
}

function haveCommonUrl(some: readonly Placed[], others: readonly Placed[]): boolean {
  const urls = new Set(some.map(({ entry }) => entry.url));
  return others.some(({ entry }) => urls.has(entry.url));
}

/** Of files that share a URL without query; one alone needs none. */
function queries(some: readonly Placed[]): URLSearchParams[] {
  return some.length === 1 ? [] : some.map(({ entry }) => new URL(entry.url).searchParams);
}

function valuesOf(names: readonly string[], query: URLSearchParams | undefined): string {
  return JSON.stringify(names.map((name) => query?.getAll(name)));
}

/** Parameters that have the same values before and after, each as often. */
function lastingNames(was: readonly URLSearchParams[], is: readonly URLSearchParams[]): string[] {
  const all = (some: readonly URLSearchParams[], name: string): string =>
    JSON.stringify(some.map((query) => valuesOf([name], query)).sort());
  const names = new Set(was.flatMap((query) => [...query.keys()]));
  return [...names].filter((name) => all(was, name) === all(is, name)).sort();
}

function inOrder(was: readonly Placed[], is: readonly Placed[], isSameMoment: boolean): [Placed, Placed][] {
  if (was.length > 0 && !isSameMoment) throw new OtherFiles('its transactionTime is not what it was');
  const byPlace = (one: Placed, other: Placed): number => one.at - other.at;
  const [olds, news] = [[...was].sort(byPlace), [...is].sort(byPlace)];
  const paths = new Set(olds.map(({ path }) => path));
  return olds.map((old, order): [Placed, Placed] => {
    const renewed = news[order] as Placed;
    if (old.path !== renewed.path && paths.has(renewed.path))
      throw new OtherFiles('files that differ in the query only have another order');
    return [old, renewed];
  });
}

function groupBy(some: readonly Placed[], keyOf: (one: Placed) => string): Map<string, Placed[]> {
  const groups = new Map<string, Placed[]>();
  for (const one of some) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
}
