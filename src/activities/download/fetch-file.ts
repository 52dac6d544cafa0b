import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Entry } from '../../fhir/entries.ts';
import { lineType } from '../../fhir/entries.ts';
import { LineChecker } from '../../fhir/ndjson.ts';
import { parseRetryAfter } from '../../fhir/retry-after.ts';
import type { HttpClient, HttpResponse, RequestRules } from '../../http/http-client.ts';
import { RefusedUrlError } from '../../http/http-client.ts';
import { NetworkError, toNetworkError } from '../../http/network-error.ts';
import type { Part } from '../../storage/export-folder.ts';
import { logAnswer } from '../log-answer.ts';
import type { FileTrouble } from './file-trouble.ts';
import { contentTrouble, statusTrouble } from './file-trouble.ts';

/** What is known of a file that has passed every check. */
export interface CheckedFile {
  /** As stored: after content decoding, otherwise byte for byte as sent. */
  bytes: number;
  records: number;
  headers: number;
  sha256: string;
}

export interface FetchFile {
  http: HttpClient;
  rules: RequestRules;
  entry: Entry;
  part: Part;
  signal: AbortSignal;
  authorization?: string;
  /** Called with the bytes stored so far. */
  onProgress(bytes: number): void;
}

/**
 * Fetches one file into a part and checks it on the way. The part is complete and durable when a checked file comes
 * back; otherwise it is to be discarded.
 *
 * @throws what the destination throws, and the signal's reason
 */
export async function fetchFile({
  http,
  rules,
  entry,
  part,
  signal,
  authorization,
  onProgress,
}: FetchFile): Promise<CheckedFile | FileTrouble> {
  let response: HttpResponse;
  try {
    response = await http.send(
      {
        method: 'GET',
        url: entry.url,
        headers: { accept: 'application/fhir+ndjson', 'accept-encoding': 'gzip' },
        signal,
        ...(authorization === undefined ? {} : { authorization }),
      },
      rules,
    );
  } catch (error) {
    return networkTrouble(error);
  }
  const { status, headers } = response;
  if (status !== 200) {
    logAnswer('file', response);
    await response.body.dump();
    const retryAfter = parseRetryAfter(headers['retry-after'], headers['date'], Date.now());
    return statusTrouble(status, retryAfter);
  }
  const wrong = wrongHeaders(headers);
  if (wrong !== undefined) {
    // Not read to the end: it may be a file of gigabytes.
    response.body.on('error', () => {}).destroy();
    return contentTrouble(wrong);
  }
  try {
    return await receive(response, entry, part, onProgress);
  } catch (error) {
    response.body.on('error', () => {}).destroy();
    if (error instanceof PartError) throw error.cause;
    if (signal.aborted) throw signal.reason;
    if (isZlibError(error))
      return contentTrouble(`the gzip stream is broken or cut (${(error as NodeJS.ErrnoException).code})`);
    return networkTrouble(error);
  }
}

async function receive(
  response: HttpResponse,
  entry: Entry,
  part: Part,
  onProgress: (bytes: number) => void,
): Promise<CheckedFile | FileTrouble> {
  const { headers, body } = response;
  const lines = new LineChecker(lineType(entry), isUtf8);
  const hash = createHash('sha256');
  const gzip = isGzip(headers['content-encoding']);
  let unpacked = 0;
  let bytes = 0;
  for await (const chunk of gzip ? unpack(body, (length) => (unpacked += length)) : (body as AsyncIterable<Buffer>)) {
    const fault = lines.push(chunk);
    if (fault !== undefined) return endEarly(response, fault);
    hash.update(chunk);
    await ofPart(part.write(chunk));
    bytes += chunk.length;
    onProgress(bytes);
  }
  const received = gzip ? unpacked : bytes;
  const promised = headers['content-length'];
  if (promised !== undefined && Number(promised) !== received) {
    return contentTrouble(`${received} bytes came, Content-Length said ${promised}`);
  }
  const counts = lines.end();
  if (typeof counts === 'string') return contentTrouble(counts);
  const fault = wrongCount(entry, counts);
  if (fault !== undefined) return contentTrouble(fault);
  await ofPart(part.finish());
  return { bytes, ...counts, sha256: hash.digest('hex') };
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

function endEarly(response: HttpResponse, fault: string): FileTrouble {
  response.body.on('error', () => {}).destroy();
  return contentTrouble(fault);
}

/** The body without its content coding; an error of the wire reaches the reader all the same. */
function unpack(body: Readable, onReceived: (length: number) => void): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  body.on('data', (chunk: Buffer) => onReceived(chunk.length));
  body.on('error', (error) => gunzip.destroy(error));
  return body.pipe(gunzip);
}

function isGzip(encoding: string | undefined): boolean {
  return encoding !== undefined && /^\s*(x-)?gzip\s*$/i.test(encoding);
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

/**
 * `count` must hold, except where the IG leaves open what is counted: Bundles or entries of deleted files, and whether
 * block headers are resources of organised ones (3.0).
 */
function wrongCount(
  { kind, type, count }: Entry,
  { records, headers }: { records: number; headers: number },
): string | undefined {
  if (count === undefined || kind === 'deleted' || records === count) return undefined;
  if (type === undefined && kind === 'output') return undefined;
  return `${records - headers} resources came, the manifest's count is ${count}`;
}

function networkTrouble(error: unknown): FileTrouble {
  if (error instanceof RefusedUrlError) return { cause: 'final', words: error.message };
  if (error instanceof NetworkError) return { cause: 'outage', words: error.message, busy: true };
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && (code.startsWith('UND_ERR') || code.startsWith('E') || code.startsWith('HPE_'))) {
    return { cause: 'outage', words: toNetworkError(error, 'the file server').message, busy: false };
  }
  throw error;
}

function isZlibError(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && code.startsWith('Z_');
}
