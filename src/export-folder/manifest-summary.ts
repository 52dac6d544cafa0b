import { faultOfInstant } from '../fhir/instant.ts';
import type { FileNames } from '../policy/file-names.ts';
import type { PageMeta } from './manifest-pages.ts';

/** `.export/entries/summary.json`: the manifest in short. */
export interface ManifestSummary {
  pages: number;
  entries: number;
  transactionTime: string;
  /** Of all pages, where one of them has an earlier time than the first. */
  earliestTime?: string;
  /** Some files require the access token. */
  requiresAccessToken: boolean;
  /** Files of `output` whose URL is that of an earlier one. */
  listedTwice?: number;
  organizedBy?: string;
  /**
   * When fresh links were first given to files of which nothing but their order told which is which: milliseconds since the
   * epoch.
   */
  linkedByOrder?: number;
  expires?: string;
  /** When the last page was read, and when the first link ends by its own words: milliseconds since the epoch. */
  readAt?: number;
  linksEnd?: number;
  /** Names of the files, unless the manifest mixes types too much; absent in folders of earlier versions. */
  names?: FileNames;
  /** Bytes of all files, when the manifest gives every one's. */
  knownBytes?: number;
}

/**
 * What is known of the links to files.
 *
 * @param ends when the first of them ends by its own words; infinite when none says it
 */
export function linksOf(
  pages: readonly PageMeta[],
  ends: number,
): Pick<ManifestSummary, 'requiresAccessToken' | 'expires' | 'readAt' | 'linksEnd'> {
  const expires = pages.flatMap((page) => page.expires ?? []).sort()[0];
  const readAt = pages.reduce((latest, page) => Math.max(latest, page.readAt ?? 0), 0);
  return {
    ...(readAt > 0 ? { readAt } : {}),
    ...(ends === Infinity ? {} : { linksEnd: ends }),
    requiresAccessToken: pages.some((page) => page.requiresAccessToken),
    ...(expires === undefined ? {} : { expires }),
  };
}

/** The earliest time, where that is not the first page's; a further page without a usable one says nothing. */
export function earliestOf(pages: readonly PageMeta[]): Pick<ManifestSummary, 'earliestTime'> {
  const [first = '', ...others] = pages.map(({ transactionTime }) => transactionTime);
  const earliest = others.reduce((found, time) => (isEarlier(time, found) ? time : found), first);
  return earliest === first ? {} : { earliestTime: earliest };
}

function isEarlier(one: string, other: string): boolean {
  return [one, other].every((time) => faultOfInstant(time) === undefined) && Date.parse(one) < Date.parse(other);
}
