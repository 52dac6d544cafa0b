import { fnv32 } from './fnv.ts';

/** What of some URLs is the same before and after, though every URL is new. */
export interface LastingMarks {
  /**
   * What by its place names a file: segments of the path behind all that changed, and parameters. A number before a
   * signature may be that of a machine.
   */
  nameOf(url: string): string;
  /** Everything that is still there, words in the segments included: too little to find a file by, but it may contradict. */
  allOf(url: string): string;
  /** Some files have a segment of their own that is still there, and others do not. */
  isMixed: boolean;
}

/** A segment of the path, a word of it, or the parameters of a name. */
type Place = number | string;

/** More words than a segment can have, and more than that. */
const WORDS = 1000;
const SEGMENTS = WORDS * WORDS;

/**
 * Finds the parts of URLs that have the same values before and after, each as often. Of hundreds of thousands of URLs no
 * parts are held.
 */
export function lastingMarks(before: readonly string[], after: readonly string[]): LastingMarks {
  const [was, is] = [sumsOf(before), sumsOf(after)];
  const lasting = new Set([...was.keys()].filter((place) => was.get(place) === is.get(place)));
  const names = new Set<Place>([...lasting].filter((place) => typeof place === 'string'));
  let back = 0;
  while (lasting.has(segment(back))) names.add(segment(back++));
  const changed = [...was.keys()].filter((place) => isSegment(place) && !lasting.has(place));
  return {
    nameOf: (url) => valuesAt(url, names),
    allOf: (url) => valuesAt(url, lasting),
    isMixed: changed.some((place) => isMixed(before, after, place)),
  };
}

/** Segments count from the last one: a new signature may be of more segments than the old one. */
function segment(back: number): Place {
  return back * SEGMENTS;
}

function isSegment(place: Place): boolean {
  return typeof place === 'number' && place % SEGMENTS === 0;
}

function visit(url: string, take: (place: Place, value: string) => void): void {
  const [path = '', query] = url.replace(/#.*$/s, '').split(/\?(.*)/s);
  const segments = path.split('/');
  // Before them: the scheme, an empty one, and the host, which may be that of any machine.
  for (let back = 0; back < segments.length - 3; back++) {
    const text = segments[segments.length - 1 - back] as string;
    take(segment(back), text);
    const words = text.split(/[^A-Za-z0-9]+/);
    if (words.length === 1 || words.length >= WORDS) continue;
    // A signature of another number of words says nothing of the others' places.
    for (const [at, word] of words.entries()) take(back * SEGMENTS + (at + 1) * WORDS + words.length, word);
  }
  if (query === undefined) return;
  const parameters = new URLSearchParams(query);
  for (const name of new Set(parameters.keys())) take(name, parameters.getAll(name).join('\n'));
}

function valuesAt(url: string, places: ReadonlySet<Place>): string {
  const values: string[] = [];
  visit(url, (place, value) => {
    if (places.has(place)) values.push(`${place} ${value}`);
  });
  // Parameters may come in any order.
  return values.sort().join('\n');
}

/** For each place the sum of its values' hashes, which is the same for the same values in any order. */
function sumsOf(urls: readonly string[]): Map<Place, number> {
  const sums = new Map<Place, number>();
  for (const url of urls) visit(url, (place, value) => sums.set(place, (sums.get(place) ?? 0) + hashOf(value)));
  return sums;
}

/** Never 0, so that values that are missing count. */
function hashOf(text: string): number {
  return fnv32(text) + 1;
}

function isMixed(before: readonly string[], after: readonly string[], place: Place): boolean {
  const only = new Set([place]);
  const [olds, news] = [before, after].map((urls) => new Set(urls.map((url) => valuesAt(url, only))));
  if (olds === undefined || news === undefined || olds.size < before.length || news.size < after.length) return false;
  const stayed = [...olds].filter((value) => news.has(value)).length;
  return stayed > 0 && stayed < olds.size;
}
