import type { Entry } from '../../fhir/entries.ts';
import { parseRetryAfter } from '../../fhir/retry-after.ts';
import type { HttpClient, HttpResponse, RequestRules } from '../../http/http-client.ts';
import { RefusedUrlError } from '../../http/http-client.ts';
import { NetworkError, toNetworkError } from '../../http/network-error.ts';
import type { Part } from '../../storage/export-folder.ts';
import { logAnswer } from '../log-answer.ts';
import { ContentError, endIsTold, isGzip, openBody } from './body.ts';
import { DigestCheck } from './digest-headers.ts';
import type { FileTrouble } from './file-trouble.ts';
import { contentTrouble, statusTrouble } from './file-trouble.ts';
import type { CheckedFile } from './receiver.ts';
import { Receiver } from './receiver.ts';

/** Milliseconds of transfer after which the bytes so far are made durable: as much is fetched again after a kill. */
const CHECKPOINT = 1000;

export interface FetchFile {
  http: HttpClient;
  rules: RequestRules;
  entry: Entry;
  part: Part;
  signal: AbortSignal;
  authorization?: string;
  /** Ask for the bytes as they are, so that a transfer that breaks can be resumed. Default: gzip is welcome. */
  identity?: boolean;
  /** Called with the bytes stored so far. */
  onProgress(bytes: number): void;
}

/**
 * Fetches one file into a part and checks it on the way; goes on where an earlier attempt's durable bytes end, if the
 * server still has the same file. The part is complete and durable when a checked file comes back; otherwise it may
 * hold a checkpoint for the next attempt.
 *
 * @throws what the destination throws, and the signal's reason
 */
export async function fetchFile(fetch: FetchFile): Promise<CheckedFile | FileTrouble> {
  const { entry, part, signal } = fetch;
  let receiver = await takeOver(part, entry, signal);
  const from = receiver.bytes;
  let response: HttpResponse;
  try {
    response = await ask(fetch, from);
    if (from > 0 && response.status === 416) {
      // The file is shorter now, so it is another one.
      await response.body.dump();
      await part.restart();
      receiver = new Receiver(entry);
      response = await ask(fetch, 0);
    }
  } catch (error) {
    return networkTrouble(error);
  }
  const wrong = await refuse(response, from);
  if (wrong !== undefined) return wrong;
  if (response.status === 200 && receiver.bytes > 0) {
    // If-Range did not hold, or the server does not do ranges: from the start.
    await part.restart();
    receiver = new Receiver(entry);
  }
  const validator = resumable(response, part);
  const start = receiver.bytes;
  try {
    return await receive(fetch, response, receiver, validator);
  } catch (error) {
    response.body.on('error', () => {}).destroy();
    if (error instanceof PartError) throw error.cause;
    if (validator !== undefined) await part.checkpoint(validator);
    if (signal.aborted) throw signal.reason;
    return { ...brokenBody(error), progressed: validator !== undefined && receiver.bytes > start };
  }
}

/** Reads what an earlier attempt has left, for the checks and the hash. */
async function takeOver(part: Part, entry: Entry, signal: AbortSignal): Promise<Receiver> {
  const receiver = new Receiver(entry);
  if (part.resumed === undefined) return receiver;
  for await (const chunk of part.resumed.read()) {
    // Gigabytes may come over a network, too.
    signal.throwIfAborted();
    if (receiver.push(chunk) !== undefined) {
      await part.restart();
      return new Receiver(entry);
    }
  }
  return receiver;
}

async function ask(
  { http, rules, entry, part, signal, authorization, identity }: FetchFile,
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
        accept: 'application/fhir+ndjson',
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
async function refuse(response: HttpResponse, from: number): Promise<FileTrouble | undefined> {
  const { status, headers } = response;
  if (status !== 200 && status !== 206) {
    logAnswer('file', response);
    await response.body.dump();
    return statusTrouble(status, parseRetryAfter(headers['retry-after'], headers['date'], Date.now()));
  }
  const wrong =
    status === 206 && !startsAt(headers['content-range'], from)
      ? 'it is another range than asked for'
      : wrongHeaders(headers);
  if (wrong === undefined) return undefined;
  // Not read to the end: it may be a file of gigabytes.
  response.body.on('error', () => {}).destroy();
  return contentTrouble(wrong);
}

async function receive(
  { part, onProgress }: FetchFile,
  response: HttpResponse,
  receiver: Receiver,
  validator: string | undefined,
): Promise<CheckedFile | FileTrouble> {
  const { headers, status } = response;
  const from = receiver.bytes;
  const body = openBody(response);
  const digests = status === 200 && !isGzip(headers['content-encoding']) ? new DigestCheck(headers) : undefined;
  let saved = Date.now();
  for await (const chunk of body.chunks) {
    const fault = receiver.push(chunk);
    if (fault !== undefined) {
      response.body.on('error', () => {}).destroy();
      return contentTrouble(fault);
    }
    digests?.push(chunk);
    await ofPart(part.write(chunk));
    onProgress(receiver.bytes);
    if (validator !== undefined && Date.now() - saved >= CHECKPOINT) {
      await ofPart(part.checkpoint(validator));
      saved = Date.now();
    }
  }
  const promised = headers['content-length'];
  if (promised !== undefined && Number(promised) !== body.received()) {
    return contentTrouble(`${body.received()} bytes came, Content-Length said ${promised}`);
  }
  const total = /\/(\d+)\s*$/.exec(status === 206 ? (headers['content-range'] ?? '') : '')?.[1];
  if (total !== undefined && Number(total) !== receiver.bytes) {
    return contentTrouble(`${receiver.bytes} bytes are there, Content-Range said ${total}`);
  }
  const checked = receiver.end(endIsTold(response) || isGzip(headers['content-encoding']));
  const fault = typeof checked === 'string' ? checked : digests?.end();
  if (fault !== undefined) return contentTrouble(`${fault}${from > 0 ? ' (after a resumed transfer)' : ''}`);
  await ofPart(part.finish());
  return checked as CheckedFile;
}

/** The strong validator by which the rest can be asked for later; undefined when this transfer cannot be resumed. */
function resumable({ headers }: HttpResponse, part: Part): string | undefined {
  if (isGzip(headers['content-encoding']) || /^none$/i.test(headers['accept-ranges'] ?? '')) return undefined;
  const etag = headers['etag'];
  // RFC 9110, 13.1.5: If-Range with a weak validator never holds.
  return etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : part.resumed?.validator;
}

function startsAt(range: string | undefined, from: number): boolean {
  return from > 0 && Number(/^\s*bytes\s+(\d+)-/i.exec(range ?? '')?.[1]) === from;
}

function wrongHeaders(headers: HttpResponse['headers']): string | undefined {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (!isGzip(encoding) && !/^\s*(identity)?\s*$/i.test(encoding)) {
    return `it is encoded as ${encoding.slice(0, 40)}, which was not asked for`;
  }
  // A login or error page. Other types are no proof: AWS serves NDJSON as binary/octet-stream.
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(headers['content-type'] ?? '')
    ? 'it is an HTML page'
    : undefined;
}

/** What the destination threw, kept apart from what the wire throws. */
class PartError extends Error {}

async function ofPart(action: Promise<void>): Promise<void> {
  try {
    await action;
  } catch (error) {
    throw new PartError('the destination failed', { cause: error });
  }
}

function networkTrouble(error: unknown): FileTrouble {
  if (error instanceof RefusedUrlError) return { cause: 'final', words: error.message };
  if (error instanceof NetworkError) return { cause: 'outage', words: error.message, busy: true };
  throw error;
}

function brokenBody(error: unknown): FileTrouble {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof ContentError) return contentTrouble(error.message);
  if (typeof code === 'string' && code.startsWith('Z_'))
    return contentTrouble(`the gzip stream is broken or cut (${code})`);
  return { cause: 'outage', words: toNetworkError(error, 'the file server').message, busy: false };
}
