import type { Entry } from '../../fhir/entries.ts';
import type { LineRules } from '../../fhir/ndjson.ts';
import { parseRetryAfter } from '../../fhir/retry-after.ts';
import type { HttpClient, HttpResponse, RequestRules } from '../../http/http-client.ts';
import { RefusedUrlError } from '../../http/http-client.ts';
import { NetworkError } from '../../http/network-error.ts';
import type { Part } from '../../storage/export-folder.ts';
import type { CheckedFile, FileChecks } from './checked-file.ts';
import { checksOf } from './checked-file.ts';
import { ContentError, endIsTold, isGzip, receiveBody } from './body.ts';
import { DigestCheck } from './digest-headers.ts';
import type { FileTrouble } from './file-trouble.ts';
import { contentTrouble, statusTrouble } from './file-trouble.ts';
import { PartWriter } from './part-writer.ts';
import { isJson, unwrapBinary } from './unwrap-binary.ts';

/** What may stand in a header as it is. */
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(\s*;\s*[\w.-]+=[\w.-]+)*$/;

/** What to fetch. Plain data, which another thread or process could be given as well. */
export interface FileOrder {
  entry: Entry;
  rules: RequestRules;
  authorization?: string;
  /** Ask for the bytes as they are, so that a transfer that breaks can be resumed. Default: gzip is welcome. */
  identity?: boolean;
  /** Of lines. Default: `fast`. */
  checks?: LineRules['checks'];
}

/** With what it is fetched, and where to. */
export interface FileMeans {
  http: HttpClient;
  part: Part;
  signal: AbortSignal;
  /** Called with the bytes received so far. */
  onProgress(bytes: number): void;
  /** Called with an answer of a status that brings no file. */
  onRefusal(response: HttpResponse): void;
}

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
  return outcome.cause === 'broken' ? { cause: 'outage', words: outcome.words, reached } : outcome;
}

/** As {@link FileTrouble}, before the part is kept: how much of it is durable is known afterwards. */
type Trouble = Exclude<FileTrouble, { reached: number }> | { cause: 'broken'; words: string };

async function transfer(order: FileOrder, means: FileMeans): Promise<CheckedFile | Trouble> {
  const { entry } = order;
  const { part, signal } = means;
  let receiver = await takeOver(order, part, signal);
  const from = receiver.bytes;
  let response: HttpResponse;
  try {
    response = await ask(order, means, from);
    if (from > 0 && response.status === 416) {
      // The file is shorter now, so it is another one.
      await response.body.dump();
      await part.restart();
      receiver = receiverOf(order);
      response = await ask(order, means, 0);
    }
  } catch (error) {
    return networkTrouble(error);
  }
  const wrong = await refuse(response, entry, from, means);
  if (wrong !== undefined) return wrong;
  if (response.status === 200 && receiver.bytes > 0) {
    // If-Range did not hold, or the server does not do ranges: from the start.
    await part.restart();
    receiver = receiverOf(order);
  }
  const validator = resumable(response, entry, part);
  const writer = new PartWriter(part, validator);
  try {
    return await receive(response, entry, receiver, writer, means);
  } catch (error) {
    const trouble = brokenBody(error);
    const isAborted = signal.aborted && error === signal.reason;
    if (validator !== undefined && (isAborted || trouble?.cause === 'broken')) {
      await writer.flush();
      await part.checkpoint(validator);
    }
    await writer.stop();
    if (trouble === undefined) throw error;
    return trouble;
  }
}

/** Reads what an earlier attempt has left, for the checks and the hash. */
async function takeOver(order: FileOrder, part: Part, signal: AbortSignal): Promise<FileChecks> {
  const receiver = receiverOf(order);
  if (part.resumed === undefined) return receiver;
  for await (const chunk of part.resumed.read()) {
    // Gigabytes may come over a network, too.
    signal.throwIfAborted();
    if (receiver.push(chunk) !== undefined) {
      await part.restart();
      return receiverOf(order);
    }
  }
  return receiver;
}

function receiverOf({ entry, checks = 'fast' }: FileOrder): FileChecks {
  return checksOf(entry, checks);
}

async function ask(
  { rules, entry, authorization, identity }: FileOrder,
  { http, part, signal }: FileMeans,
  from: number,
): Promise<HttpResponse> {
  const range: Record<string, string> =
    from > 0 && part.resumed !== undefined ? { range: `bytes=${from}-`, 'if-range': part.resumed.validator } : {};
  const plain = identity === true || from > 0;
  return http.send(
    {
      method: 'GET',
      url: entry.url,
      headers: {
        accept: acceptable(entry),
        // Bulk Data IG 3.0: gzip should be offered. A range of a compressed body would be one of other bytes.
        'accept-encoding': plain ? 'identity' : 'gzip',
        ...range,
      },
      signal,
      ...(authorization === undefined ? {} : { authorization }),
    },
    rules,
  );
}

/** Why an answer is not received at all. */
async function refuse(
  response: HttpResponse,
  entry: Entry,
  from: number,
  { onRefusal }: FileMeans,
): Promise<Trouble | undefined> {
  const { status, headers } = response;
  if (status !== 200 && status !== 206) {
    onRefusal(response);
    await response.body.dump();
    return statusTrouble(status, parseRetryAfter(headers['retry-after'], headers['date'], Date.now()));
  }
  const wrong =
    status === 206 && !startsAt(headers['content-range'], from)
      ? 'it is another range than asked for'
      : wrongHeaders(headers, entry);
  if (wrong === undefined) return undefined;
  // Not read to the end: it may be a file of gigabytes.
  response.body.destroy();
  return contentTrouble(wrong);
}

async function receive(
  response: HttpResponse,
  entry: Entry,
  receiver: FileChecks,
  writer: PartWriter,
  { onProgress }: FileMeans,
): Promise<CheckedFile | Trouble> {
  const { headers, status } = response;
  const from = receiver.bytes;
  const wrapped = isWrapped(response, entry);
  const asSent = status === 200 && !isGzip(headers['content-encoding']) && !wrapped;
  const digests = asSent ? new DigestCheck(headers) : undefined;
  const unwrap = wrapped ? (chunks: AsyncIterable<Buffer>) => unwrapBinary(chunks, entry.contentType) : undefined;
  const received = await receiveBody(response, unwrap, (chunk) => {
    const fault = receiver.push(chunk);
    if (fault !== undefined) throw new ContentError(fault);
    digests?.push(chunk);
    onProgress(receiver.bytes);
    return writer.write(chunk);
  });
  await writer.flush();
  const promised = headers['content-length'];
  if (promised !== undefined && Number(promised) !== received) {
    return contentTrouble(`${received} bytes came, Content-Length said ${promised}`);
  }
  const total = /\/(\d+)\s*$/.exec(status === 206 ? (headers['content-range'] ?? '') : '')?.[1];
  if (total !== undefined && Number(total) !== receiver.bytes) {
    return contentTrouble(`${receiver.bytes} bytes are there, Content-Range said ${total}`);
  }
  const checked = receiver.end(endIsTold(response) || isGzip(headers['content-encoding']));
  const fault = typeof checked === 'string' ? checked : digests?.end();
  if (fault !== undefined) return contentTrouble(`${fault}${from > 0 ? ' (after a resumed transfer)' : ''}`);
  return checked as CheckedFile;
}

/** The strong validator by which the rest can be asked for later; undefined when this transfer cannot be resumed. */
function resumable(response: HttpResponse, entry: Entry, part: Part): string | undefined {
  const { headers } = response;
  if (
    isWrapped(response, entry) ||
    isGzip(headers['content-encoding']) ||
    /^none$/i.test(headers['accept-ranges'] ?? '')
  )
    return undefined;
  const etag = headers['etag'];
  // RFC 9110, 13.1.5: If-Range with a weak validator never holds.
  return etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : part.resumed?.validator;
}

function startsAt(range: string | undefined, from: number): boolean {
  return from > 0 && Number(/^\s*bytes\s+(\d+)-/i.exec(range ?? '')?.[1]) === from;
}

function wrongHeaders(headers: HttpResponse['headers'], { contentType }: Entry): string | undefined {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (!isGzip(encoding) && !/^\s*(identity)?\s*$/i.test(encoding)) {
    return `it is encoded as ${encoding.slice(0, 40)}, which was not asked for`;
  }
  // A login or error page. Other types are no proof: AWS serves NDJSON as binary/octet-stream.
  return isHtml(headers['content-type']) && !isHtml(contentType) ? 'it is an HTML page' : undefined;
}

function isHtml(mediaType: string | undefined): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(mediaType ?? '');
}

/** An attachment that may have come as a FHIR Binary; of the bytes of that none can be asked for again. */
function isWrapped({ status, headers }: HttpResponse, { kind }: Entry): boolean {
  return kind === 'attachment' && status === 200 && isJson(headers['content-type']);
}

/** An attachment's own type: with FHIR's the server would wrap it (FHIR R4, Binary); Oracle Health refuses any other. */
function acceptable({ kind, contentType }: Entry): string {
  if (kind !== 'attachment') return 'application/fhir+ndjson';
  return contentType !== undefined && MEDIA_TYPE.test(contentType) ? `${contentType}, */*;q=0.1` : '*/*';
}

function networkTrouble(error: unknown): Trouble {
  if (error instanceof RefusedUrlError) return { cause: 'final', words: error.message };
  if (error instanceof NetworkError) return { cause: 'outage', words: error.message, busy: true };
  throw error;
}

/** What is wrong with the body; undefined when it is the destination that failed, or the signal. */
function brokenBody(error: unknown): Trouble | undefined {
  if (error instanceof ContentError) return contentTrouble(error.message);
  if (error instanceof NetworkError) return { cause: 'broken', words: error.message };
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && code.startsWith('Z_')
    ? contentTrouble(`the gzip stream is broken or cut (${code})`)
    : undefined;
}
