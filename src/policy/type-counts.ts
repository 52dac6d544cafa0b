import type { TypeCounts } from '../contract.ts';
import type { Entry } from '../fhir/entries.ts';
import { isResourceType } from '../fhir/resource-types.ts';

/** Counts of finished files, each under the {@link typeKey} of its type. */
export type CountsByType = Record<string, TypeCounts>;

/** Keys of files that hold no exported resources. */
const NO_DATA: ReadonlySet<string> = new Set<Entry['kind']>(['deleted', 'error', 'attachment']);

/** Key under which an entry's type is counted; types that FHIR does not know share one, so that there are few. */
export function typeKey({ kind, type }: Pick<Entry, 'kind' | 'type'>): string {
  if (kind !== 'output') return kind;
  return type !== undefined && isResourceType(type) ? type : 'Resource';
}

/**
 * Adds a finished file to the counts of its type. Block headers of organised output are no resources (Bulk Data IG 3.0).
 *
 * @param file as its receipt says
 */
export function countFile(
  counts: CountsByType,
  entry: Pick<Entry, 'kind' | 'type'>,
  file: { records: number; headers: number; bytes: number },
): void {
  const ofType = (counts[typeKey(entry)] ??= { files: 0, resources: 0, bytes: 0 });
  ofType.files++;
  ofType.resources += file.records - file.headers;
  ofType.bytes += file.bytes;
}

/** Those of data files: without those of deletions, of the server's messages, and attachments. */
export function dataByType(counts: Readonly<CountsByType>): [type: string, counts: TypeCounts][] {
  return Object.entries(counts).filter(([key]) => !NO_DATA.has(key));
}

/** The sum over all data files. */
export function sumOfData(counts: Readonly<CountsByType>): TypeCounts {
  const sum = { files: 0, resources: 0, bytes: 0 };
  for (const [, { files, resources, bytes }] of dataByType(counts)) {
    sum.files += files;
    sum.resources += resources;
    sum.bytes += bytes;
  }
  return sum;
}
