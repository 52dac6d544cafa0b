import { parseRetryAfter } from '../fhir/retry-after.ts';
import { SlowBodyError } from '../http/body-speed.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { HttpResponse } from '../http/messages.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import { NetworkError } from '../http/network-error.ts';
import { LIMITS } from '../policy/limits.ts';
import type { Part, ResumePoint } from '../storage/folder.ts';
import type { FileAnswer, FileRequest } from './ask-file.ts';
import { askFile, bytesToCome, isWrapped } from './ask-file.ts';
import { endIsProved, isGzip, receiveBody } from './decode-body.ts';
import type { CheckedFile, FileChecks } from './checked-file.ts';
import { ContentError } from './content-error.ts';
import { DigestCheck } from './digest-headers.ts';
import { readEnd } from './ended-link.ts';
import { checksOf } from './file-checks.ts';
import type { FileTrouble } from './file-trouble.ts';
import { statusTrouble } from './file-trouble.ts';
import type { LostBytes } from './lost-bytes.ts';
import { LossCount } from './lost-bytes.ts';
import { PartWriter } from './part-writer.ts';
import type { Rest, Whole } from './range-answer.ts';
import type { Packed } from './unpacked.ts';
import { Unpacked, wrongPacked } from './unpacked.ts';
import { unwrapBinary } from './unwrap-binary.ts';

/** With what a file is fetched, and where to. */
export interface FetchContext {
  http: HttpClient;
  part: Part;
  signal: AbortSignal;
  /** Called with the bytes received so far. */
  onProgress(bytes: number): void;
  /** Called with an answer of a status that brings no file. */
  onRefusal(refusal: Refusal): void;
  /** Called with what came, now or in an earlier attempt, and has to be fetched again. */
  onLost?: ((lost: LostBytes) => void) | undefined;
}

/** An answer without a file. */
export type Refusal = Pick<HttpResponse, 'status' | 'headers' | 'url'>;

export type FetchOutcome =
  | { kind: 'checked'; file: CheckedFile }
  | {
      kind: 'trouble';
      trouble: FileTrouble;
      /** The server has sent no body of a file, nor a part of one. */
      nothingCame?: true;
    };

/** As {@link FetchOutcome}, before the part is kept: how much of it is durable is known afterwards. */
type Transfer = FetchOutcome | { kind: 'broken'; detail: string; isSlow: boolean };

/**
 * Fetches one file into a part and checks it on the way; resumes behind an earlier attempt's durable bytes, if the
 * server still has the same file. The part has all of it when a checked file comes back, and is then to be finished;
 * otherwise it is closed: wrong content is discarded, what broke off or was refused is kept for the next attempt.
 *
 * @throws what the destination throws, and the signal's reason
 */
export async function fetchFile(request: FileRequest, given: FetchContext): Promise<FetchOutcome> {
  const { part } = given;
  const losses = new LossCount(part.resumed?.bytes ?? 0, given.onLost);
  const onProgress = (bytes: number): void => given.onProgress((losses.came = bytes));
  let transfer: Transfer;
  try {
    transfer = await transferFile(request, { ...given, onProgress }, () => losses.lose('not-resumable', 0));
  } catch (error) {
    // What fails here must not hide why the attempt ends.
    losses.lose('stopped', await part.keep().catch(() => losses.came));
    throw error;
  }
  if (transfer.kind === 'checked') return transfer;
  if (transfer.kind === 'broken') {
    const reached = await part.keep();
    losses.lose('broken', reached);
    // A trickle brings the file a little farther each time, and would be asked for ever.
    const isTrickle = transfer.isSlow && reached - (part.resumed?.bytes ?? 0) < LIMITS.progress;
    const progress = isTrickle ? {} : { reached };
    return { kind: 'trouble', trouble: { cause: 'outage', detail: transfer.detail, ...progress } };
  }
  const { cause } = transfer.trouble;
  if (cause === 'content' || cause === 'final') {
    await part.discard();
    if (cause === 'content') losses.lose('content', 0);
  } else await part.keep();
  return transfer;
}

/** @param onRestart called when what an earlier attempt has left cannot be used */
async function transferFile(request: FileRequest, context: FetchContext, onRestart: () => void): Promise<Transfer> {
  const { part, signal } = context;
  const wasResumed = part.resumed !== undefined;
  let checks = await checkResumed(request, part, signal);
  let asked: FileAnswer;
  try {
    asked = await askFile(request, context.http, part, signal);
  } catch (error) {
    return unanswered(error);
  }
  const { response, answer } = asked;
  if (answer.kind === 'status') return refuse(response, context);
  if (answer.kind === 'wrong') {
    // Not read to the end: it may be a file of gigabytes.
    response.body.destroy();
    return wrongContent(answer.detail);
  }
  // If-Range did not hold, or the server does not do ranges: from the start.
  if (answer.kind === 'whole' && part.resumed !== undefined) await part.restart();
  if (part.resumed === undefined) {
    checks = newChecks(request);
    if (wasResumed) onRestart();
  }
  const version = isWrapped(response, request.entry) ? undefined : answer.version;
  part.expect?.(bytesToCome(asked, request.entry));
  const writer = new PartWriter(part, version);
  try {
    return await receive(request, response, answer, { checks, writer, context });
  } catch (error) {
    const transfer = brokenBody(error);
    const isAborted = signal.aborted && error === signal.reason;
    if (writer.version !== undefined && (isAborted || transfer?.kind === 'broken')) {
      await writer.flush();
      await part.checkpoint(writer.version);
    }
    await writer.stop();
    if (transfer === undefined) throw error;
    return transfer;
  }
}

/** Reads what an earlier attempt has left, for the checks and the hash; the checks go on where it can be read from. */
async function checkResumed(request: FileRequest, part: Part, signal: AbortSignal): Promise<FileChecks> {
  const { resumed } = part;
  const checks = newChecks(request, resumed?.from);
  if (resumed === undefined) return checks;
  let fault: string | undefined;
  for await (const chunk of resumed.read()) {
    // Gigabytes may come over a network, too.
    signal.throwIfAborted();
    fault = checks.push(chunk);
    if (fault !== undefined) break;
  }
  if (fault !== undefined || checks.bytes !== resumed.bytes) await part.restart();
  return checks;
}

function newChecks({ entry, checks = 'fast' }: FileRequest, from?: ResumePoint): FileChecks {
  return checksOf(entry, checks, from);
}

async function refuse(response: HttpResponse, { onRefusal }: FetchContext): Promise<Transfer> {
  const { status, headers } = response;
  onRefusal(response);
  const hasEnded = await readEnd(response);
  const retryAfter = parseRetryAfter(headers['retry-after'], headers['date'], Date.now());
  const trouble = statusTrouble(status, { retryAfter, hasEnded });
  if (trouble.cause === 'link' && response.redirectedFrom !== undefined)
    trouble.answeredBy = new URL(response.url).origin;
  return { kind: 'trouble', trouble, nothingCame: true };
}

async function receive(
  request: FileRequest,
  response: HttpResponse,
  answer: Whole | Rest,
  { checks: given, writer, context }: { checks: FileChecks; writer: PartWriter; context: FetchContext },
): Promise<Transfer> {
  const { entry } = request;
  let checks = given;
  const { headers } = response;
  const isResumed = checks.bytes > 0;
  const end = answer.kind === 'rest' ? answer.end : Infinity;
  const wrapped = isWrapped(response, entry);
  const asSent = answer.kind === 'whole' && !isGzip(headers['content-encoding']) && !wrapped;
  const digests = asSent ? new DigestCheck(headers) : undefined;
  const unwrap = wrapped ? (chunks: AsyncIterable<Buffer>) => unwrapBinary(chunks, entry.contentType) : undefined;
  const take = (chunk: Buffer): Promise<void> | undefined => {
    if (checks.bytes + chunk.length > end) throw new ContentError('more bytes came than the range has');
    const fault = checks.push(chunk);
    context.onProgress(checks.bytes);
    if (fault !== undefined) throw new ContentError(fault);
    return writer.write(chunk, checks.point);
  };
  // A rest is of a file that did not begin so; an attachment may be an archive.
  const mayBePacked = answer.kind === 'whole' && entry.kind !== 'attachment';
  const unpacked = new Unpacked(take, () => {
    writer.neverResume();
    checks = newChecks({ ...request, entry: { ...entry, length: undefined, sha256: undefined } });
  });
  let came: { received: number; wasGzip: boolean };
  let packed: Packed | undefined;
  try {
    came = await receiveBody(response, unwrap, (chunk) => {
      digests?.push(chunk);
      return mayBePacked ? unpacked.push(chunk) : take(chunk);
    });
    packed = await unpacked.end();
  } finally {
    await unpacked.stop();
  }
  // What came is right: the next attempt resumes behind it.
  if (answer.kind === 'rest' && checks.bytes < end) throw new NetworkError('the rest broke off', true);
  if (answer.kind === 'rest' && !answer.isLast) throw new NetworkError('a part of the rest came', true);
  await writer.flush();
  const promised = headers['content-length'];
  if (promised !== undefined && Number(promised) !== came.received) {
    return wrongContent(`${came.received} bytes came, Content-Length said ${promised}`);
  }
  const outcome = checks.end(answer.kind === 'rest' || packed !== undefined || endIsProved(response, came.wasGzip));
  if (outcome.kind === 'wrong') {
    return wrongContent(`${outcome.detail}${isResumed ? ' (after a resumed transfer)' : ''}`);
  }
  // Of whole bodies only, none of which was resumed.
  const mismatch = digests?.end() ?? (packed === undefined ? undefined : wrongPacked(entry, [packed, outcome.file]));
  return mismatch === undefined ? outcome : wrongContent(mismatch);
}

/** What a request without an answer means. @throws what the destination has thrown, and the signal's reason */
function unanswered(error: unknown): Transfer {
  if (error instanceof RefusedUrlError) {
    return { kind: 'trouble', trouble: { cause: 'final', detail: error.message }, nothingCame: true };
  }
  if (error instanceof NetworkError) {
    return { kind: 'trouble', trouble: { cause: 'outage', detail: error.message, busy: true }, nothingCame: true };
  }
  throw error;
}

/** What is wrong with the body; undefined when it is the destination that failed, or the signal. */
function brokenBody(error: unknown): Transfer | undefined {
  if (error instanceof ContentError) return wrongContent(error.message);
  if (error instanceof NetworkError) {
    return { kind: 'broken', detail: error.message, isSlow: error instanceof SlowBodyError };
  }
  const { code } = error as NodeJS.ErrnoException;
  // The second: of gzip that goes on behind its end.
  return typeof code === 'string' && (code.startsWith('Z_') || code === 'ERR_STREAM_PUSH_AFTER_EOF')
    ? wrongContent(`the gzip stream is broken or cut (${code})`)
    : undefined;
}

function wrongContent(detail: string): Transfer {
  return { kind: 'trouble', trouble: { cause: 'content', detail } };
}
