import type { FileRequest } from '../../download/ask-file.ts';
import type { CheckedFile } from '../../download/checked-file.ts';
import type { FileTrouble } from '../../download/file-trouble.ts';
import type { Receipt } from '../../export-folder/receipt.ts';
import type { Entry } from '../../fhir/entries.ts';
import type { TokenNeeded } from '../../fhir-server/token-needed.ts';
import { tokenForFile } from '../../fhir-server/who-gets-the-token.ts';
import type { CheckedPart } from '../../storage/folder.ts';
import { fetchCounted } from './fetch-counted.ts';
import type { Batch } from './open-batch.ts';
import { isStillWritten, judgeTrouble } from './refused-file.ts';

/** Bytes from which a transfer that broke is asked for without compression, which cannot be resumed. */
const BIG_FILE = 8 * 1024 * 1024;

/** A file that has passed every check, in its part. */
export interface FetchedFile {
  kind: 'fetched';
  part: CheckedPart;
  file: CheckedFile;
  /** When it was asked for: milliseconds since the epoch. */
  askedAt: number;
}

/** The outcome of one entry. */
export type EntryOutcome =
  /** An earlier attempt has finished it. */
  { kind: 'finished'; receipt: Receipt } | FetchedFile | { kind: 'trouble'; trouble: FileTrouble } | TokenNeeded;

/** Fetches one file of a batch, unless an earlier attempt has finished it. */
export async function fetchEntry(batch: Batch, entry: Entry): Promise<EntryOutcome> {
  const { folder, server, attempt, request } = batch;
  const earlier = batch.earlier.get(entry.ordinal);
  if (earlier !== undefined) return { kind: 'finished', receipt: earlier };
  if (batch.unrecorded.has(entry)) {
    const receipt = await folder.files.check(entry, server.config.checks, attempt);
    if (receipt !== undefined) return { kind: 'finished', receipt };
  }
  if (entry.kind === 'attachment' && !server.allowsAttachment(entry.url)) {
    // It was found before the configuration, or the version, was as it is now.
    return { kind: 'trouble', trouble: { cause: 'final', detail: 'not allowed: no Binary' } };
  }
  const authorized = await server.authorize(
    tokenForFile(entry, request.token, server.settings, server.rules.trustedOrigins),
  );
  if (authorized.kind === 'tokenNeeded') return authorized;
  const fileRequest: FileRequest = {
    rules: server.rulesFor(entry),
    entry,
    checks: server.config.checks,
    authorization: authorized.kind === 'token' ? authorized.authorization : undefined,
    // A second break of a big file must not cost all of it again, and the compression may be what was wrong.
    identity: request.retry || (attempt.number > 1 && (entry.fileSize ?? Infinity) > BIG_FILE),
  };
  const askedAt = Date.now();
  const outcome = await fetchCounted(batch, fileRequest);
  if (outcome.kind === 'checked') return { kind: 'fetched', part: outcome.part, file: outcome.file, askedAt };
  if (outcome.trouble.cause === 'content') batch.metrics.contentFault(server.name);
  const judged = judgeTrouble(outcome.trouble, entry, server, authorized, request.tokenIsGood === true);
  const trouble = isStillWritten(judged, request.completeAt, server.settings)
    ? { ...judged, cause: 'outage' as const }
    : judged;
  return { kind: 'trouble', trouble };
}
