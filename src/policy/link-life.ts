import type { Limits } from './limits.ts';

/** How long links to files live; ages are milliseconds since the manifest was read. */
export interface LinkState {
  /** Greatest age at which one has worked. */
  worked: number;
  /**
   * Age at which links have ended: some of two readings were refused that worked when they were renewed. Once could be a
   * server that has ended all links for a reason of its own.
   */
  dead?: number;
  /** What has been seen of it once. */
  suspected?: { reading: number; age: number };
  /** When the manifest was read again last, and how many readings in a row have brought no file. */
  readAt: number;
  fruitless: number;
  /** The end before which it was read last. */
  readFor?: number;
}

/** What the manifest says of its links: when it was read, when the first ends by its own words, and `Expires`. */
export interface ReadLinks {
  readAt?: number;
  linksEnd?: number;
  expires?: string;
}

export const NO_LINKS: LinkState = { worked: 0, readAt: 0, fruitless: 0 };

/** After so many readings in a row that brought no file, we assume that the expiry in the links is wrong. */
const FRUITLESS = 3;
/** Doublings of the time between readings that bring no file. */
const MOST_DOUBLINGS = 4;

/**
 * Age up to which a refusal is about the file: its link was just read, or links of that age have worked. An older link
 * may have ended while its file waited behind others.
 */
export function goodFor(links: LinkState, { freshLink }: Limits): number {
  return Math.max(freshLink, links.worked);
}

/** What a batch knows of links: ages in milliseconds since the manifest was read. */
export interface LinkTerms {
  goodFor: number;
  /** Links have ended by this age. */
  life?: number;
  /** Links are believed when they say that they have ended. */
  believed: boolean;
}

export function termsOf(links: LinkState, limits: Limits): LinkTerms {
  const believed = links.fruitless < FRUITLESS;
  const life = believed && links.dead !== undefined ? { life: links.dead } : {};
  return { goodFor: goodFor(links, limits), ...life, believed };
}

/**
 * Learns from files that came.
 *
 * @param worked greatest age of their links
 * @param refused ages at which some had been refused before
 * @param reading by which they came
 */
export function learn(links: LinkState, worked: number | undefined, refused: readonly number[], reading: number): void {
  if (worked !== undefined) links.worked = Math.max(links.worked, worked);
  if (refused.length > 0) {
    const { suspected } = links;
    const age = Math.min(...refused);
    if (suspected !== undefined && suspected.reading !== reading)
      links.dead = Math.min(links.dead ?? Infinity, Math.max(suspected.age, age));
    links.suspected = { reading, age: suspected?.reading === reading ? Math.min(suspected.age, age) : age };
  }
  // They live for different times, so that nothing follows from it.
  if (links.dead !== undefined && links.dead <= links.worked) delete links.dead;
}

/** When the links end, as the server says and as has been seen; undefined when nothing is known. */
export function endOfLinks(links: LinkState, manifest: ReadLinks | undefined): number | undefined {
  const { readAt, linksEnd, expires } = manifest ?? {};
  const ends = [
    linksEnd,
    expires === undefined ? undefined : Date.parse(expires),
    readAt === undefined || links.dead === undefined ? undefined : readAt + links.dead,
  ].filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : Math.min(...ends);
}

/** Whether the manifest is to be read again before the links end: a fifth of their life before. */
export function areEnding(links: LinkState, manifest: ReadLinks | undefined, now: number): boolean {
  const end = endOfLinks(links, manifest);
  // A reading that does not move the end is not repeated: only refusals would show that it was one.
  if (end === undefined || manifest?.readAt === undefined || end <= (links.readFor ?? 0)) return false;
  return now >= beforeTheEnd(end, manifest.readAt);
}

/** When a fifth of the time from a reading to an end is left. */
export function beforeTheEnd(end: number, readAt: number): number {
  return end - (end - readAt) / 5;
}

/** The next time at which the manifest may be read again: the more readings bring no file, the later. */
export function nextReading(links: LinkState, { readingFloor }: Limits): number {
  return links.readAt + readingFloor * 2 ** Math.min(links.fruitless, MOST_DOUBLINGS);
}
