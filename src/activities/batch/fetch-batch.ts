import { randomUUID } from 'node:crypto';
import type { FileTrouble } from '../../download/file-trouble.ts';
import type { Entry } from '../../fhir/entries.ts';
import { tokenRefused } from '../../fhir-server/token-needed.ts';
import { toRanges } from '../../policy/batches.ts';
import { countFile } from '../../policy/type-counts.ts';
import type { Batch } from './open-batch.ts';
import type { DownloadFilesResult } from './batch-outcome.ts';
import { fetchEntry } from './fetch-entry.ts';
import { troubleOfThread } from './fetch-in-pool.ts';
import { storeFile } from './store-file.ts';

const WORKER = randomUUID().slice(0, 8);

/**
 * Fetches the files of a batch one after another; each is stored while the next one comes, and when this returns some
 * may still be. It never waits: what the server puts off is in `later`.
 */
export async function fetchBatch(batch: Batch): Promise<DownloadFilesResult> {
  const { server, entries, attempt, request, receipts, storing, links } = batch;
  const result: DownloadFilesResult = { done: {}, failed: [], later: [], worker: WORKER };
  for (const [position, entry] of entries.entries()) {
    attempt.signal.throwIfAborted();
    attempt.report({ file: entry.name, files: `${position + 1}/${entries.length}` });
    const wait = server.busy.wait(Date.now(), request.wokenAt);
    if (wait > 0) {
      // An answer to another file said so; batches that were queued before must not ask again before that time.
      leaveUntried(result, entries.slice(position), { retryAfter: wait });
      break;
    }
    const isThere = batch.earlier.has(entry.ordinal) || batch.unrecorded.has(entry);
    if (!isThere && (await links.haveEnded(entries.slice(position)))) {
      leaveUntried(result, entries.slice(position), { ended: true });
      break;
    }
    const age = links.age();
    const leastAge = links.leastAge();
    const outcome = await fetchEntry(batch, entry);
    if (outcome.kind === 'tokenNeeded') {
      result.tokenNeeded = outcome;
      leaveUntried(result, entries.slice(position));
      break;
    }
    if (outcome.kind === 'trouble') {
      if (await putOff(batch, result, entry, outcome.trouble, age)) continue;
      leaveUntried(result, entries.slice(position + 1));
      break;
    }
    if (outcome.kind === 'finished') {
      if (!batch.earlier.has(entry.ordinal)) await receipts.add(outcome.receipt);
      countFile(result.done, entry, outcome.receipt);
      continue;
    }
    server.busy.clear();
    if (leastAge !== undefined) result.worked = Math.max(result.worked ?? 0, leastAge);
    await storing.add(async () => {
      try {
        countFile(result.done, entry, await storeFile(batch, entry, outcome));
      } catch (error) {
        await putOff(batch, result, entry, troubleOfThread(error, entry), age);
      }
    });
  }
  return result;
}

/** Leaves entries that have not been asked for to a later batch. */
function leaveUntried(
  result: DownloadFilesResult,
  entries: readonly Entry[],
  why: { retryAfter?: number; ended?: true } = {},
): void {
  const ranges = toRanges(entries.map(({ ordinal }) => ordinal));
  if (ranges.length > 0) result.later.push({ ranges, cause: 'untried', ...why });
}

/**
 * Records the trouble of a file, and puts it off unless trying again would not help.
 *
 * @param age of its link: milliseconds since the manifest was read
 * @returns whether the other files of the batch are worth a request now
 */
async function putOff(
  { folder, server, request, links }: Batch,
  result: DownloadFilesResult,
  entry: Entry,
  trouble: FileTrouble,
  age: number | undefined,
): Promise<boolean> {
  await folder.troubles.record(entry.ordinal, trouble.detail);
  if (trouble.cause === 'final') {
    result.failed.push(entry.ordinal);
    if (trouble.usedUp === true) result.refused = (result.refused ?? 0) + 1;
    return true;
  }
  const ranges = toRanges([entry.ordinal]);
  const detail = `${entry.name}: ${trouble.detail}`;
  const isBusy = trouble.cause === 'outage' && trouble.busy === true;
  if (isBusy && trouble.retryAfter !== undefined) server.busy.hold(Date.now(), trouble.retryAfter, request.wokenAt);
  if (!isBusy) server.busy.clear();
  switch (trouble.cause) {
    case 'token':
      result.later.push({ ranges, cause: 'token', detail });
      result.tokenNeeded = tokenRefused(trouble.refusedEpoch, trouble.detail);
      return false;
    case 'link':
      result.later.push({ ranges, cause: 'link', detail, age });
      // Where the token is known to be good, the next file may be one that it may read.
      if (request.tokenIsGood === true && trouble.detail.startsWith('HTTP 401')) return true;
      return request.retry && links.isGood(age);
    default:
      result.later.push({ ranges, ...trouble, detail });
      return !isBusy;
  }
}
