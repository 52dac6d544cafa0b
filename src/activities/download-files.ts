import { randomUUID } from 'node:crypto';
import { ExportError } from '../errors.ts';
import type { LinkTerms } from '../policy/link-life.ts';
import type { OrdinalRange, Seen } from '../policy/batches.ts';
import { toRanges, typeKey } from '../policy/batches.ts';
import type { Entry } from '../fhir/entries.ts';
import type { TokenRef } from '../auth/server-authorization.ts';
import type { Folder, Part } from '../storage/folder.ts';
import type { ActivityDeps } from './deps.ts';
import type { FileOrder } from '../download/ask-file.ts';
import { fetchFile } from '../download/fetch-file.ts';
import { Background } from '../download/background.ts';
import type { CheckedFile } from '../download/checked-file.ts';
import type { LinkWatch } from '../download/link-watch.ts';
import { watchLinks } from '../download/link-watch.ts';
import type { FileTrouble, Outage } from '../download/file-trouble.ts';
import type { ExportRef } from '../export-folder/export-state.ts';
import { FILES, chunkOf, openExportFolder, readEntries, troubleFile } from '../export-folder/export-state.ts';
import { addSeen } from './plan-downloads.ts';
import { publishedOf, readPublished } from '../export-folder/published-files.ts';
import { logAnswer } from '../fhir-server/log-answer.ts';
import type { Receipt } from '../export-folder/receipts.ts';
import { BatchReceipts } from '../export-folder/receipts.ts';
import type { Attempt } from './run-activity.ts';
import type { FhirServer } from '../fhir-server/fhir-server.ts';
import type { TokenNeeded } from '../fhir-server/token-needed.ts';
import { tokenRefused } from '../fhir-server/token-needed.ts';
import type { Authorized } from '../fhir-server/authorize.ts';
import { tokenForFile } from '../fhir-server/who-gets-the-token.ts';

export interface DownloadFilesInput {
  ref: ExportRef;
  /** The job that the files belong to. */
  generation: number;
  ranges: OrdinalRange[];
  /** These entries have been in trouble before: one that is refused again does not stop the others. */
  retry: boolean;
  /** A refusal is about the file: a new token has not helped others. */
  tokenIsGood?: true;
  /** What is known of how long links live; absent for attachments. */
  links?: LinkTerms;
  /** When an operator last wanted the export to go on: milliseconds since the epoch. */
  wokenAt?: number;
  /** Only when the manifest says that files require it. */
  token?: TokenRef;
}

const WORKER = randomUUID().slice(0, 8);

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
  /** Greatest age of a link that worked: milliseconds since the manifest was read. */
  worked?: number;
  /** A name of the worker's process. */
  worker?: string;
}

/** Entries to be fetched again, or for the first time when `cause` is `untried`. */
export type LaterFiles = { ranges: OrdinalRange[] } & (
  | {
      cause: 'untried';
      retryAfter?: number;
      /** Their links have ended. */
      ended?: true;
    }
  | { cause: 'content' | 'token'; detail: string }
  | {
      cause: 'link';
      detail: string;
      /** Of the link, when it was used: milliseconds since the manifest was read. */
      age?: number;
    }
  | Outage
);

/**
 * Fetches the files of a batch one after another; each is stored while the next one comes. It never waits: what the
 * server puts off comes back as `later`. A file that fails does not stop the others; a server that is away or busy does.
 */
export async function downloadFiles(
  deps: ActivityDeps,
  input: DownloadFilesInput,
  attempt: Attempt,
): Promise<DownloadFilesResult> {
  const folder = await openExportFolder(deps, { ...input.ref, generation: input.generation });
  const server = await deps.servers.get(input.ref.server);
  const links = await watchLinks(folder, input.links);
  const entries = await entriesOf(folder, input.ranges);
  const receipts = new BatchReceipts(
    folder,
    entries.map(({ ordinal }) => ordinal),
  );
  const earlier = await receipts.earlier();
  const unrecorded = await publishedOf(
    folder,
    entries.filter(({ ordinal }) => !earlier.has(ordinal)),
  );
  const storing = new Background();
  const batch = { deps, folder, server, entries, attempt, input, receipts, earlier, unrecorded, storing, links };
  try {
    const result = await fetchBatch(batch);
    await storing.end();
    await receipts.save();
    return result;
  } catch (error) {
    // What has been stored shall not be read again by the next attempt; that is all, should it fail as well.
    await storing.end().catch(() => {});
    await receipts.save().catch(() => {});
    throw error;
  }
}

interface Batch {
  deps: ActivityDeps;
  folder: Folder;
  server: FhirServer;
  entries: Entry[];
  attempt: Attempt;
  input: DownloadFilesInput;
  receipts: BatchReceipts;
  /** Receipts of earlier attempts, by ordinal. */
  earlier: ReadonlyMap<number, Receipt>;
  /** Files with their final names whose attempts were killed before they could write receipts. */
  unrecorded: ReadonlySet<Entry>;
  storing: Background;
  links: LinkWatch;
}

async function fetchBatch(batch: Batch): Promise<DownloadFilesResult> {
  const { folder, server, entries, attempt, input, receipts, storing, links } = batch;
  const result: DownloadFilesResult = { done: {}, failed: [], later: [], worker: WORKER };
  for (const [position, entry] of entries.entries()) {
    attempt.signal.throwIfAborted();
    attempt.report({ file: entry.name, files: `${position + 1}/${entries.length}` });
    const putOff = (from: number, why: { retryAfter?: number; ended?: true } = {}): void => {
      const ranges = toRanges(entries.slice(from).map(({ ordinal }) => ordinal));
      if (ranges.length > 0) {
        result.later.push({ ranges, cause: 'untried', ...why });
      }
    };
    const wait = server.busy.wait(Date.now(), input.wokenAt);
    if (wait > 0) {
      // Another file was just told so; batches that were queued before shall not ask again before their time.
      putOff(position, { retryAfter: wait });
      break;
    }
    const isThere = batch.earlier.has(entry.ordinal) || batch.unrecorded.has(entry);
    if (!isThere && (await links.haveEnded(entries.slice(position)))) {
      putOff(position, { ended: true });
      break;
    }
    const age = links.age();
    const outcome = await haveFile(batch, entry);
    if ('part' in outcome) {
      server.busy.clear();
      if (age !== undefined) result.worked = Math.max(result.worked ?? 0, age);
      await storing.add(async () => {
        const receipt = await store(batch, entry, outcome);
        await receipts.add(receipt);
        // Without a receipt nobody would know whose content it is.
        if (entry.kind === 'attachment') await receipts.save();
        addSeen(result.done, typeKey(entry), receipt);
      });
      continue;
    }
    if ('kind' in outcome) {
      result.tokenNeeded = outcome;
      putOff(position);
      break;
    }
    if ('sha256' in outcome) {
      if (!batch.earlier.has(entry.ordinal)) await receipts.add(outcome);
      addSeen(result.done, typeKey(entry), outcome);
      continue;
    }
    await folder.write(troubleFile(entry.ordinal), outcome.detail);
    if (outcome.cause === 'final') {
      result.failed.push(entry.ordinal);
      continue;
    }
    const trouble = { ...outcome, detail: `${entry.name}: ${outcome.detail}` };
    const ranges = toRanges([entry.ordinal]);
    if (trouble.cause === 'token') {
      const { refusedEpoch, ...later } = trouble;
      result.later.push({ ranges, ...later });
      result.tokenNeeded = tokenRefused(refusedEpoch, outcome.detail);
    } else if (trouble.cause === 'link')
      result.later.push({ ranges, ...trouble, ...(age === undefined ? {} : { age }) });
    else result.later.push({ ranges, ...trouble });
    const isBusy = 'busy' in outcome && outcome.busy;
    if (isBusy && outcome.retryAfter !== undefined) server.busy.hold(Date.now(), outcome.retryAfter, input.wokenAt);
    if (!isBusy) server.busy.clear();
    if (isBusy || trouble.cause === 'token' || (trouble.cause === 'link' && !(input.retry && links.isGood(age)))) {
      putOff(position + 1);
      break;
    }
  }
  return result;
}

async function entriesOf(folder: Folder, ranges: readonly OrdinalRange[]): Promise<Entry[]> {
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

/** A file that has passed every check, in its part. */
interface Fetched {
  part: Part;
  file: CheckedFile;
}

/** The file's receipt, when it has been had before; or the file, fetched now. */
async function haveFile(batch: Batch, entry: Entry): Promise<Receipt | Fetched | FileTrouble | TokenNeeded> {
  const { deps, folder, server, attempt, input } = batch;
  const earlier = batch.earlier.get(entry.ordinal);
  if (earlier !== undefined) return earlier;
  if (batch.unrecorded.has(entry)) return readPublished(folder, entry, server.config.checks);
  const authorized = await server.authorize(tokenForFile(entry, input.token));
  if (authorized.kind === 'tokenNeeded') return authorized;
  const part = await folder.openPart(partLabel(input.generation, entry.ordinal));
  const order: FileOrder = {
    rules: server.rules,
    entry,
    checks: server.config.checks,
    authorization: authorized.kind === 'token' ? authorized.authorization : undefined,
    // A second break of a big file shall not cost all of it again.
    identity: (input.retry || attempt.number > 1) && (entry.fileSize ?? Infinity) > BIG_FILE,
  };
  const outcome = await fetchFile(order, {
    http: deps.http,
    part,
    signal: attempt.signal,
    onProgress: (bytes) => attempt.report({ file: entry.name, bytes, resumedAt: part.resumed?.bytes ?? 0 }),
    onRefusal: (response) => logAnswer('file', response),
  });
  if ('sha256' in outcome) return { part, file: outcome };
  return judge(outcome, server, entry, authorized, input.tokenIsGood === true);
}

/** A file of a later job is never gone on with from what an attempt at an earlier one has left. */
function partLabel(generation: number, ordinal: number): string {
  return generation === 1 ? String(ordinal) : `${generation}-${ordinal}`;
}

/** Gives a fetched file its final name. */
async function store({ folder, server }: Batch, entry: Entry, { part, file }: Fetched): Promise<Receipt> {
  // An attachment has the name of its content: whoever has published it, it is the same.
  const name = entry.kind === 'attachment' ? `attachments/${file.sha256}` : entry.name;
  let published: boolean;
  try {
    await part.finish();
    published = await part.publish(name);
  } catch (error) {
    // A destination that is away for a moment shall not cost the whole file.
    await part.keep();
    throw error;
  }
  await part.discard();
  if (published || entry.kind === 'attachment') return { ordinal: entry.ordinal, name, ...file };
  // Another attempt has published meanwhile; what is there is whole.
  return readPublished(folder, entry, server.config.checks);
}

/**
 * What trouble means where it happened: a 401 at a trusted origin is about the token that was sent; elsewhere about the
 * link.
 *
 * @param tokenIsGood a refusal is about the file
 */
function judge(
  trouble: FileTrouble,
  server: FhirServer,
  { url, kind }: Entry,
  authorized: Authorized,
  tokenIsGood: boolean,
): FileTrouble {
  const { cause, detail } = trouble;
  const trusted = server.trusts(url);
  // Attachments may be anywhere: that one of these servers is away says nothing of the FHIR server.
  if (kind === 'attachment' && cause === 'outage' && !trusted) {
    return 'reached' in trouble
      ? { ...trouble, cause: 'elsewhere' }
      : { cause: 'elsewhere', detail, ...(trouble.retryAfter === undefined ? {} : { retryAfter: trouble.retryAfter }) };
  }
  if (cause !== 'link') return trouble;
  if (authorized.kind === 'token' && trusted && detail === 'HTTP 401' && !tokenIsGood)
    return { cause: 'token', detail, refusedEpoch: authorized.epoch };
  return {
    // The manifest, which could be read again, has no links to attachments.
    cause: kind === 'attachment' ? 'final' : 'link',
    detail: authorized.kind === 'open' ? detail : `${detail}${server.hintOfOrigin(url)}`,
  };
}
