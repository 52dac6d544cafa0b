import type { Entry } from '../fhir/entries.ts';
import { parseRetryAfter } from '../fhir/retry-after.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { HttpResponse } from '../http/messages.ts';
import { RefusedUrlError } from '../http/refused-url.ts';
import { NetworkError } from '../http/network-error.ts';
import type { Part } from '../storage/folder.ts';
import type { FileAnswer, FileOrder } from './ask-file.ts';
import { askFile, isWrapped } from './ask-file.ts';
import type { CheckedFile, FileChecks } from './checked-file.ts';
import { checksOf } from './checked-file.ts';
import { ContentError, endIsTold, isGzip, receiveBody } from './body.ts';
import { DigestCheck } from './digest-headers.ts';
import type { FileTrouble } from './file-trouble.ts';
import { contentTrouble, statusTrouble } from './file-trouble.ts';
import { PartWriter } from './part-writer.ts';
import type { Rest, Whole } from './range-answer.ts';
import { unwrapBinary } from './unwrap-binary.ts';

/** With what a file is fetched, and where to. */
export interface FileMeans {
  http: HttpClient;
  part: Part;
  signal: AbortSignal;
  /** Called with the bytes received so far. */
  onProgress(bytes: number): void;
  /** Called with an answer of a status that brings no file. */
  onRefusal(response: HttpResponse): void;
}

/** As {@link FileTrouble}, before the part is kept: how much of it is durable is known afterwards. */
type Trouble = Exclude<FileTrouble, { reached: number }> | { cause: 'broken'; detail: string };

/**
 * Fetches one file into a part and checks it on the way; goes on where an earlier attempt's durable bytes end, if the
 * server still has the same file. The part has all of it when a checked file comes back, and is then to be finished;
 * otherwise it is closed: what came wrong is discarded, what broke off or was refused is kept for the next attempt.
 *
 * @throws what the destination throws, and the signal's reason
 */
export async function fetchFile(order: FileOrder, means: FileMeans): Promise<CheckedFile | FileTrouble> {
  const { part } = means;
  let outcome: CheckedFile | Trouble;
  try {
    outcome = await transfer(order, means);
  } catch (error) {
    // What fails here must not hide why the attempt ends.
    await part.keep().catch(() => {});
    throw error;
  }
  if ('sha256' in outcome) return outcome;
  if (outcome.cause === 'content' || outcome.cause === 'final') {
    await part.discard();
    return outcome;
  }
  const reached = await part.keep();
  return outcome.cause === 'broken' ? { cause: 'outage', detail: outcome.detail, reached } : outcome;
}

async function transfer(order: FileOrder, means: FileMeans): Promise<CheckedFile | Trouble> {
  const { entry } = order;
  const { part, signal } = means;
  let receiver = await takeOver(order, part, signal);
  let asked: FileAnswer;
  try {
    asked = await askFile(order, means.http, part, signal);
  } catch (error) {
    return networkTrouble(error);
  }
  const { response, answer } = asked;
  if (answer.kind === 'status') return refuse(response, means);
  if (answer.kind === 'wrong') {
    // Not read to the end: it may be a file of gigabytes.
    response.body.destroy();
    return contentTrouble(answer.detail);
  }
  // If-Range did not hold, or the server does not do ranges: from the start.
  if (answer.kind === 'whole' && part.resumed !== undefined) await part.restart();
  if (part.resumed === undefined) receiver = receiverOf(order);
  const version = isWrapped(response, entry) ? undefined : answer.version;
  const writer = new PartWriter(part, version);
  try {
    return await receive(response, answer, entry, receiver, writer, means);
  } catch (error) {
    const trouble = brokenBody(error);
    const isAborted = signal.aborted && error === signal.reason;
    if (version !== undefined && (isAborted || trouble?.cause === 'broken')) {
      await writer.flush();
      await part.checkpoint(version);
    }
    await writer.stop();
    if (trouble === undefined) throw error;
    return trouble;
  }
}

/** Reads what an earlier attempt has left, for the checks and the hash. */
async function takeOver(order: FileOrder, part: Part, signal: AbortSignal): Promise<FileChecks> {
  const { resumed } = part;
  const receiver = receiverOf(order);
  if (resumed === undefined) return receiver;
  let fault: string | undefined;
  for await (const chunk of resumed.read()) {
    // Gigabytes may come over a network, too.
    signal.throwIfAborted();
    fault = receiver.push(chunk);
    if (fault !== undefined) break;
  }
  if (fault !== undefined || receiver.bytes !== resumed.bytes) await part.restart();
  return receiver;
}

function receiverOf({ entry, checks = 'fast' }: FileOrder): FileChecks {
  return checksOf(entry, checks);
}

async function refuse(response: HttpResponse, { onRefusal }: FileMeans): Promise<Trouble> {
  const { status, headers, body } = response;
  onRefusal(response);
  await body.dump();
  return statusTrouble(status, parseRetryAfter(headers['retry-after'], headers['date'], Date.now()));
}

async function receive(
  response: HttpResponse,
  answer: Whole | Rest,
  entry: Entry,
  receiver: FileChecks,
  writer: PartWriter,
  { onProgress }: FileMeans,
): Promise<CheckedFile | Trouble> {
  const { headers } = response;
  const from = receiver.bytes;
  const end = answer.kind === 'rest' ? answer.end : Infinity;
  const wrapped = isWrapped(response, entry);
  const asSent = answer.kind === 'whole' && !isGzip(headers['content-encoding']) && !wrapped;
  const digests = asSent ? new DigestCheck(headers) : undefined;
  const unwrap = wrapped ? (chunks: AsyncIterable<Buffer>) => unwrapBinary(chunks, entry.contentType) : undefined;
  const received = await receiveBody(response, unwrap, (chunk) => {
    if (receiver.bytes + chunk.length > end) throw new ContentError('more bytes came than the range has');
    const fault = receiver.push(chunk);
    if (fault !== undefined) throw new ContentError(fault);
    digests?.push(chunk);
    onProgress(receiver.bytes);
    return writer.write(chunk);
  });
  // What came is right, and is gone on with behind it.
  if (answer.kind === 'rest' && receiver.bytes < end) throw new NetworkError('the rest broke off', true);
  if (answer.kind === 'rest' && !answer.isLast) throw new NetworkError('a part of the rest came', true);
  await writer.flush();
  const promised = headers['content-length'];
  if (promised !== undefined && Number(promised) !== received) {
    return contentTrouble(`${received} bytes came, Content-Length said ${promised}`);
  }
  const isProved = answer.kind === 'rest' || endIsTold(response) || isGzip(headers['content-encoding']);
  const checked = receiver.end(isProved);
  const fault = typeof checked === 'string' ? checked : digests?.end();
  if (fault !== undefined) return contentTrouble(`${fault}${from > 0 ? ' (after a resumed transfer)' : ''}`);
  return checked as CheckedFile;
}

function networkTrouble(error: unknown): Trouble {
  if (error instanceof RefusedUrlError) return { cause: 'final', detail: error.message };
  if (error instanceof NetworkError) return { cause: 'outage', detail: error.message, busy: true };
  throw error;
}

/** What is wrong with the body; undefined when it is the destination that failed, or the signal. */
function brokenBody(error: unknown): Trouble | undefined {
  if (error instanceof ContentError) return contentTrouble(error.message);
  if (error instanceof NetworkError) return { cause: 'broken', detail: error.message };
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && code.startsWith('Z_')
    ? contentTrouble(`the gzip stream is broken or cut (${code})`)
    : undefined;
}
