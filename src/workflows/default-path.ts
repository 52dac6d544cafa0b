import { fnv64 } from '../fhir/fnv.ts';

/** What the default path of an export is made of; the names are the SDK's. */
export interface PathIds {
  workflowId: string;
  originalExecutionRunId: string;
  firstExecutionRunId: string;
  continuedFromExecutionRunId?: string;
  cronSchedule?: string;
  attempt: number;
}

/** Bytes of a name on the common file systems are 255 at most; run ids and extensions beside a name need some room. */
const LONGEST_SEGMENT = 200;

/**
 * Path of an export whose request names none. A run that is retried or continued keeps it, and so finds its folder again.
 * All runs of a cron schedule have the same first run, and each exports into a folder of its own.
 */
export function defaultPath(ids: PathIds): string {
  return `${encodeSegment(ids.workflowId)}/${folderOfRun(ids)}`;
}

function folderOfRun(ids: PathIds): string {
  if (ids.cronSchedule === undefined || ids.cronSchedule === '') return ids.firstExecutionRunId;
  // A retry by the retry policy is known by the run before it alone.
  const own = ids.originalExecutionRunId;
  return ids.attempt > 1 ? (ids.continuedFromExecutionRunId ?? own) : own;
}

/**
 * A name as one part of a path. Workflow ids may hold anything, and a thousand characters of it; a part must not.
 *
 * @param longest bytes
 */
export function encodeSegment(text: string, longest = LONGEST_SEGMENT): string {
  const bytes = [...new TextEncoder().encode(text)];
  const encoded = bytes.map((byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  const whole = encoded.join('');
  if (whole.length <= longest) return whole;
  // The run id beside it is what makes a path unique.
  const hash = `~${fnv64(bytes)}`;
  let beginning = '';
  for (const next of encoded) {
    if (beginning.length + next.length + hash.length > longest) break;
    beginning += next;
  }
  return beginning + hash;
}
