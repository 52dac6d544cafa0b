import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import { AttachmentChecks } from './attachment-checks.ts';
import type { FileChecks } from './checked-file.ts';
import { NdjsonChecks } from './ndjson-checks.ts';

/**
 * The checks for an entry.
 *
 * @param lines how lines are checked, as the server's configuration says
 */
export function checksOf(entry: Entry, lines: LineRules['checks']): FileChecks {
  return entry.kind === 'attachment' ? new AttachmentChecks(entry) : new NdjsonChecks(entry, lines);
}
