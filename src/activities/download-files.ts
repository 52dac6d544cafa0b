import { ExportError } from '../errors.ts';
import type { Range, Seen } from '../fhir/batches.ts';
import { toRanges, typeKey } from '../fhir/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import type { ExportFolder } from '../storage/export-folder.ts';
import type { ActivityDeps } from './deps.ts';
import { fetchFile } from './download/fetch-file.ts';
import type { CheckedFile } from './download/receiver.ts';
import { Receiver } from './download/receiver.ts';
import type { FileTrouble } from './download/file-trouble.ts';
import type { ExportRef, Job, Receipt } from './export-state.ts';
import {
  FILES,
  chunkOf,
  openExportFolder,
  readEntries,
  readJson,
  readReceipt,
  receiptFile,
  troubleFile,
  writeJson,
} from './export-state.ts';
import { addSeen } from './plan-downloads.ts';
import type { Attempt } from './run-activity.ts';
import type { KnownServer } from './servers.ts';
import type { TokenNeeded } from './token-needed.ts';
import { authorize, hintOfOrigin, refused } from './token-needed.ts';

export interface DownloadFilesInput {
  ref: ExportRef;
  /** The job that the files belong to. */
  generation: number;
  ranges: Range[];
  /** These entries have been in trouble before: one that is refused again does not stop the others. */
  retry: boolean;
  /** Only when the manifest says that files require it. */
  token?: TokenRef;
}

/** Bytes from which a transfer that broke is asked for without compression, which cannot be resumed. */
const BIG_FILE = 8 * 1024 * 1024;

/** What has become of a batch; every entry is in exactly one of the three. */
export interface DownloadFilesResult {
  done: Record<string, Seen>;
  /** Given up at once. */
  failed: number[];
  later: LaterFiles[];
  /** Some of `later` wait for another token. */
  tokenNeeded?: TokenNeeded;
}

/** Entries to be fetched again, or for the first time when `cause` is `untried`. */
export interface LaterFiles {
  ranges: Range[];
  cause: 'content' | 'link' | 'outage' | 'token' | 'untried';
  words: string;
  retryAfter?: number;
  /** The server wants fewer requests, or is away. */
  busy?: boolean;
  /** More of the file is there than before. */
  progressed?: boolean;
}

/**
 * Fetches the files of a batch one after another. It never waits: what the server puts off comes back as `later`.
 * A file that fails does not stop the others; a server that is away or busy does.
 */
export async function downloadFiles(
  deps: ActivityDeps,
  input: DownloadFilesInput,
  attempt: Attempt,
): Promise<DownloadFilesResult> {
  const folder = await openExportFolder(deps, input.ref);
  const server = await deps.servers.get(input.ref.server);
  const result: DownloadFilesResult = { done: {}, failed: [], later: [] };
  const entries = await entriesOf(folder, input.ranges);
  for (const [position, entry] of entries.entries()) {
    attempt.signal.throwIfAborted();
    attempt.report({ file: entry.name, files: `${position + 1}/${entries.length}` });
    const putOff = (from: number, retryAfter?: number): void => {
      const ranges = toRanges(entries.slice(from).map(({ ordinal }) => ordinal));
      if (ranges.length > 0) {
        result.later.push({ ranges, cause: 'untried', words: '', ...(retryAfter === undefined ? {} : { retryAfter }) });
      }
    };
    const busy = server.busyUntil - Date.now();
    if (busy > 0) {
      // Another file was just told so; batches that were queued before shall not ask again before their time.
      putOff(position, busy);
      break;
    }
    const outcome = await haveFile({ deps, folder, server, entry, attempt, input });
    if ('kind' in outcome) {
      result.tokenNeeded = outcome;
      putOff(position);
      break;
    }
    if ('sha256' in outcome) {
      addSeen(result.done, typeKey(entry), outcome);
      continue;
    }
    await folder.write(troubleFile(entry.ordinal), outcome.words);
    if (outcome.cause === 'final') {
      result.failed.push(entry.ordinal);
      continue;
    }
    const { cause, words, retryAfter, busy: isBusy } = outcome;
    if (isBusy === true && retryAfter !== undefined) server.busyUntil = Date.now() + retryAfter;
    result.later.push({
      ranges: toRanges([entry.ordinal]),
      cause,
      words: `${entry.name}: ${words}`,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(isBusy === true ? { busy: true } : {}),
      ...(outcome.progressed === true ? { progressed: true } : {}),
    });
    if (outcome.refusedEpoch !== undefined) result.tokenNeeded = refused(outcome.refusedEpoch, words);
    if (isBusy === true || cause === 'token' || (cause === 'link' && !input.retry)) {
      putOff(position + 1);
      break;
    }
  }
  return result;
}

async function entriesOf(folder: ExportFolder, ranges: readonly Range[]): Promise<Entry[]> {
  const chunks = new Map<number, Entry[]>();
  const entries: Entry[] = [];
  for (const [from, to] of ranges) {
    for (let ordinal = from; ordinal < to; ordinal++) {
      const chunk = chunkOf(ordinal);
      if (!chunks.has(chunk)) chunks.set(chunk, await readEntries(folder, chunk));
      const entry = chunks.get(chunk)?.find((one) => one.ordinal === ordinal);
      if (entry === undefined)
        throw new ExportError('DestinationFailed', `${folder.location}/${FILES.entries} has no entry ${ordinal}`);
      entries.push(entry);
    }
  }
  return entries;
}

interface HaveFile {
  deps: ActivityDeps;
  folder: ExportFolder;
  server: KnownServer;
  entry: Entry;
  attempt: Attempt;
  input: DownloadFilesInput;
}

/** The file's receipt: an earlier one, or that of a file fetched now. */
async function haveFile({
  deps,
  folder,
  server,
  entry,
  attempt,
  input,
}: HaveFile): Promise<Receipt | FileTrouble | TokenNeeded> {
  const earlier = (await readReceipt(folder, entry.ordinal)) ?? (await recordPublished(folder, entry));
  if (earlier !== undefined) return earlier;
  const authorized = await authorize(server, entry.needsToken ? input.token : undefined);
  if ('kind' in authorized) return authorized;
  const { authorization, epoch } = authorized;
  const part = await folder.openPart(String(entry.ordinal));
  let left: 'keep' | 'discard' = 'keep';
  try {
    const outcome = await fetchFile({
      http: deps.http,
      rules: server.rules,
      entry,
      ...(authorization === undefined ? {} : { authorization }),
      part,
      signal: attempt.signal,
      // A second break of a big file shall not cost all of it again.
      identity: (input.retry || attempt.number > 1) && (entry.fileSize ?? Infinity) > BIG_FILE,
      onProgress: (bytes) => attempt.report({ file: entry.name, bytes, resumedAt: part.resumed?.bytes ?? 0 }),
    });
    if (!('sha256' in outcome)) {
      // What came wrong must not be gone on with; what was refused or broke off may.
      if (outcome.cause === 'content' || outcome.cause === 'final') left = 'discard';
      return { ...outcome, ...refusal(outcome, server, entry, authorization, epoch) };
    }
    left = 'discard';
    await refuseIfReplaced(folder, input);
    // A destination that is away for a moment shall not cost the whole file.
    left = 'keep';
    const published = await part.publish(entry.name);
    left = 'discard';
    // Another attempt may have published meanwhile; what is there is whole, and its receipt says what it is.
    if (!published) {
      return (await readReceipt(folder, entry.ordinal)) ?? ((await recordPublished(folder, entry)) as Receipt);
    }
    return await writeReceipt(folder, entry, outcome);
  } finally {
    await part[left]();
  }
}

/** A 401 at a trusted origin is about the token that was sent; elsewhere about the link. */
function refusal(
  { cause, words }: FileTrouble,
  server: KnownServer,
  { url }: Entry,
  authorization: string | undefined,
  epoch: number,
): Partial<FileTrouble> {
  if (cause !== 'link') return {};
  const sent = authorization !== undefined && server.rules.trustedOrigins.has(new URL(url).origin);
  if (sent && words === 'HTTP 401') return { cause: 'token', refusedEpoch: epoch };
  return authorization === undefined ? {} : { words: `${words}${hintOfOrigin(server, url)}` };
}

/**
 * A file at its final name is whole; one without a receipt was published by an attempt that was killed before it could
 * write one. It is read, not fetched again.
 */
async function recordPublished(folder: ExportFolder, entry: Entry): Promise<Receipt | undefined> {
  if ((await folder.size(entry.name)) === undefined) return undefined;
  const receiver = new Receiver(entry);
  for await (const chunk of folder.stream(entry.name)) receiver.push(chunk);
  const checked = receiver.end(true);
  if (typeof checked === 'string') {
    throw new ExportError(
      'DestinationFailed',
      `${folder.location}/${entry.name} was changed after it was published: ${checked}`,
    );
  }
  return writeReceipt(folder, entry, checked);
}

async function writeReceipt(folder: ExportFolder, entry: Entry, file: CheckedFile): Promise<Receipt> {
  const receipt: Receipt = { ordinal: entry.ordinal, name: entry.name, ...file };
  await writeJson(folder, receiptFile(entry.ordinal), receipt);
  return receipt;
}

/** An attempt that woke up late must not publish a file of an earlier job among those of a later one. */
async function refuseIfReplaced(folder: ExportFolder, { generation, ref }: DownloadFilesInput): Promise<void> {
  const job = await readJson<Job>(folder, FILES.job);
  const mark = await readJson<{ mark: string }>(folder, FILES.mark);
  if (job?.generation !== generation || mark?.mark !== ref.mark) {
    throw new ExportError('DestinationFailed', `another run has taken over ${folder.location}`);
  }
}
