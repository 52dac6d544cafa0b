import { ExportError } from '../errors.ts';
import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import type { Folder } from '../storage/folder.ts';
import { checksOf } from '../download/file-checks.ts';
import type { Receipt } from './receipts.ts';

/** Those that have their final names already; of attachments these are not known before. */
export async function publishedOf(folder: Folder, entries: readonly Entry[]): Promise<Set<Entry>> {
  const files = entries.filter(({ kind }) => kind !== 'attachment');
  const sizes = await Promise.all(files.map(({ name }) => folder.size(name)));
  return new Set(files.filter((_, position) => sizes[position] !== undefined));
}

/** The receipt of a file that has its final name: it is whole, so it is read and not fetched again. */
export async function readPublished(folder: Folder, entry: Entry, checks: LineRules['checks']): Promise<Receipt> {
  const fileChecks = checksOf(entry, checks);
  for await (const chunk of folder.stream(entry.name)) fileChecks.push(chunk);
  const outcome = fileChecks.end(true);
  if (outcome.kind === 'wrong') {
    throw new ExportError(
      'DestinationFailed',
      `${folder.location}/${entry.name} was changed after it was published: ${outcome.detail}`,
    );
  }
  return { ordinal: entry.ordinal, name: entry.name, ...outcome.file };
}
