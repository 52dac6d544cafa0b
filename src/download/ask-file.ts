import type { Entry } from '../fhir/entries.ts';
import type { LineRules } from '../fhir/ndjson.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { HttpResponse } from '../http/messages.ts';
import type { RequestRules } from '../http/rules.ts';
import type { Part } from '../storage/folder.ts';
import { isGzip } from './decode-body.ts';
import { isOtherLink, linkMark, mayLeadElsewhere } from './link-mark.ts';
import type { RangeAsked, Rest, Whole, Wrong } from './range-answer.ts';
import { lengthOf, readAnswer, readRangeAnswer } from './range-answer.ts';
import { isJson } from './unwrap-binary.ts';

/** Content codings that are registered (IANA, HTTP Parameters), and their aliases. */
const CODINGS = new Set(
  'aes128gcm br compress dcb dcz deflate exi gzip pack200-gzip x-compress x-gzip zstd'.split(' '),
);

/** What may stand in a header as it is. Not what is folded, as in mails: no header is sent with a line break. */
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+([ \t]*;[ \t]*[\w.-]+=[\w.-]+)*$/;

/** What to fetch. Plain data, which another thread or process could be given as well. */
export interface FileRequest {
  entry: Entry;
  rules: RequestRules;
  /** Value of the header `Authorization`. */
  authorization?: string | undefined;
  /** Ask for the bytes as they are, so that a transfer that breaks can be resumed. Default: gzip is welcome. */
  identity?: boolean | undefined;
  /** The server counts requests: one may be sent. Default: a second one, if the first brings no rest to resume with. */
  once?: boolean | undefined;
  /** Of lines. Default: `fast`. */
  checks?: LineRules['checks'] | undefined;
}

/** The answer to the request for a file. Its body has not been read. */
export interface FileAnswer {
  response: HttpResponse;
  answer: Whole | Rest | Wrong | { kind: 'status' };
}

/**
 * Asks for a file, or for what is missing of it; once more for all of it when what is there cannot be resumed, and then
 * the part has been restarted.
 *
 * @throws as {@link HttpClient.send}; what the destination throws
 */
export async function askFile(
  request: FileRequest,
  http: HttpClient,
  part: Part,
  signal: AbortSignal,
): Promise<FileAnswer> {
  if (part.resumed !== undefined && mayLeadElsewhere(part.resumed.version, request.entry.url)) await part.restart();
  const { resumed } = part;
  if (resumed !== undefined) {
    const { bytes: from, version } = resumed;
    const asked = { from, version, isOtherLink: isOtherLink(version, request.entry.url) };
    const response = await send(request, http, signal, asked);
    const answer = readRangeAnswer(response, asked);
    if (answer.kind !== 'again')
      return { response, answer: checkHeaders(response, request.entry) ?? answerBy(request, answer) };
    // Not read to its end: it may be gigabytes.
    response.body.destroy();
    if (request.once === true) return { response, answer: { kind: 'wrong', detail: answer.detail } };
    await part.restart();
  }
  const response = await send(request, http, signal);
  return { response, answer: checkHeaders(response, request.entry) ?? answerBy(request, readAnswer(response)) };
}

/** Notes by which link a version came. */
function answerBy<Answer extends FileAnswer['answer']>({ entry }: FileRequest, answer: Answer): Answer {
  if (!('version' in answer) || answer.version === undefined) return answer;
  return { ...answer, version: { ...answer.version, link: linkMark(entry.url) } };
}

async function send(
  { rules, entry, authorization, identity }: FileRequest,
  http: HttpClient,
  signal: AbortSignal,
  asked?: RangeAsked,
): Promise<HttpResponse> {
  const range: Record<string, string> =
    asked === undefined ? {} : { range: `bytes=${asked.from}-`, 'if-range': asked.version.validator };
  const response = await http.send(
    {
      what: entry.kind === 'attachment' ? 'attachment' : 'file',
      method: 'GET',
      url: entry.url,
      headers: {
        accept: acceptable(entry),
        // Bulk Data IG 3.0: gzip should be offered. A range of a compressed body would be one of other bytes.
        'accept-encoding': identity === true || asked !== undefined ? 'identity' : 'gzip',
        ...range,
      },
      signal,
      authorization,
    },
    rules,
  );
  return emptyOf(withKnownCodings(response), entry);
}

/** What is no coding is left out: a character set, or what an upload to an object storage has left there. */
function withKnownCodings(response: HttpResponse): HttpResponse {
  const said = response.headers['content-encoding'];
  if (said === undefined) return response;
  const codings = said.split(',').filter((coding) => CODINGS.has(coding.trim().toLowerCase()));
  const { 'content-encoding': _, ...headers } = response.headers;
  return { ...response, headers: codings.length === 0 ? headers : { ...headers, 'content-encoding': codings.join() } };
}

/** Some servers answer 204 for an empty file; the manifest must say that it is one. */
function emptyOf(response: HttpResponse, { count, fileSize }: Entry): HttpResponse {
  const isEmpty = count === undefined ? fileSize === 0 : count === 0;
  if (response.status !== 204 || !isEmpty) return response;
  return { ...response, status: 200, headers: { ...response.headers, 'content-length': '0' } };
}

/** Whether the headers show that what comes is not the file. */
function checkHeaders({ status, headers }: HttpResponse, { contentType }: Entry): Wrong | undefined {
  if (status !== 200 && status !== 206) return undefined;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && !isGzip(encoding)) {
    return { kind: 'wrong', detail: `it is encoded as ${encoding.slice(0, 40)}, which was not asked for` };
  }
  // A login or error page. Other types are no proof: AWS serves NDJSON as binary/octet-stream.
  const isPage = isHtml(headers['content-type']) && !isHtml(contentType);
  return isPage ? { kind: 'wrong', detail: 'it is an HTML page' } : undefined;
}

function isHtml(mediaType: string | undefined): boolean {
  return /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(mediaType ?? '');
}

/** Whether an attachment may have come as a FHIR Binary, whose bytes cannot be resumed: they are not the file's. */
export function isWrapped({ status, headers }: HttpResponse, { kind }: Entry): boolean {
  return kind === 'attachment' && status === 200 && isJson(headers['content-type']);
}

/** Bytes that a file may have, by the answer or else the manifest; 0 when nobody says it. */
export function bytesToCome({ response, answer }: FileAnswer, entry: Entry): number {
  if (answer.kind === 'rest') return answer.version.total ?? 0;
  // Also of a version that cannot be resumed: most servers say it.
  const said = isWrapped(response, entry) ? undefined : lengthOf(response.headers);
  return said ?? entry.fileSize ?? 0;
}

/** An attachment's own type: with FHIR's the server would wrap it (FHIR R4, Binary); Oracle Health refuses any other. */
function acceptable({ kind, contentType }: Entry): string {
  if (kind !== 'attachment') return 'application/fhir+ndjson';
  return contentType !== undefined && MEDIA_TYPE.test(contentType) ? `${contentType}, */*;q=0.1` : '*/*';
}
