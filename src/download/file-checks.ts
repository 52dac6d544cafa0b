import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import { AttachmentChecks } from './attachment-checks.ts';
import type { ResumePoint } from '../storage/folder.ts';
import type { FileChecks } from './checked-file.ts';
import { NdjsonChecks } from './ndjson-checks.ts';

/**
 * The checks for an entry.
 *
 * @param lines how lines are checked, as the server's configuration says
 * @param from where others of the same entry have left off; default: the beginning
 */
export function checksOf(entry: Entry, lines: LineRules['checks'], from?: ResumePoint): FileChecks {
  return entry.kind === 'attachment' ? new AttachmentChecks(entry) : new NdjsonChecks(entry, lines, from);
}
