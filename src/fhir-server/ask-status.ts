import type { TokenRef } from '../auth/server-authorization.ts';
import { ExportError } from '../errors.ts';
import type { Manifest } from '../fhir/manifest.ts';
import { readOutcome } from '../fhir/operation-outcome.ts';
import type { PollAnswer, PollTerms } from '../fhir/poll-answer.ts';
import { readStatus } from '../fhir/poll-answer.ts';
import { withoutWords } from '../fhir/quote.ts';
import type { Hold } from '../http/read-text.ts';
import { TooLongError } from '../http/decode-text.ts';
import { NetworkError } from '../http/network-error.ts';
import { REDACTED } from '../http/redact-secrets.ts';
import type { HttpResponse } from '../http/messages.ts';
import { readText } from '../http/read-text.ts';
import type { FhirServer } from './fhir-server.ts';
import type { TokenNeeded } from './token-needed.ts';

/** Largest manifest page that is read, in bytes. */
const LARGEST_PAGE = 256 * 1024 * 1024;
/** Milliseconds that it may take from its headers on: less than the activity has, which would begin it again and again. */
const TIME = 20 * 60 * 1000;

/** A manifest page as received. */
export interface ReceivedPage {
  body: string;
  /** The URL that was asked. */
  url: string;
  /** The one that answered, after redirects: its links are relative to that. */
  base: string;
  /** Headers of the answer. */
  expires: string | undefined;
  date: string | undefined;
}

/** What a status URL or a manifest page answered. */
export type StatusAnswer =
  | Exclude<PollAnswer, { kind: 'manifest' | 'failed' | 'refused' }>
  | (Extract<PollAnswer, { kind: 'manifest' }> & { page: ReceivedPage })
  /** Nobody is let in for now. */
  | { kind: 'trouble'; cause: 'tokenEndpoint'; detail: string; busy: true; retryAfter?: undefined }
  | TokenNeeded;

/** Whether the request has named patients whom no history may: then no words of the server's answers are kept. */
interface Named {
  log?: { isOfNewMembers?: true };
}

export interface StatusRequest {
  /** Status URL, or URL of a manifest page. */
  url: string;
  terms: PollTerms & Named;
  /** The job was complete: no answer can mean that it failed. Default: it can. */
  wasComplete?: boolean;
  token: TokenRef | undefined;
  signal: AbortSignal;
  /** Memory for the page; what it held for the page before is given back. */
  hold: Hold;
  /** Told of an answer that is no progress, and of none (no `status`), before anything follows from it. */
  onTrouble?(trouble: { status?: number; detail: string }): Promise<void>;
}

/**
 * Asks the status URL or the URL of a manifest page, once.
 *
 * @throws ExportError `ExportFailed`, `AuthorizationFailed`, `InvalidManifest`
 */
export async function askStatus(
  server: FhirServer,
  { url, terms, wasComplete = false, token, signal, hold, onTrouble }: StatusRequest,
): Promise<StatusAnswer> {
  hold.release();
  const headers = { accept: 'application/json' };
  const sent = await server.send({ what: 'status', method: 'GET', url, headers, signal }, token);
  if (sent.kind === 'tokenNeeded') return sent;
  if (sent.kind === 'refusedUrl') throw new ExportError('InvalidManifest', sent.detail);
  const outage = async (detail: string): Promise<StatusAnswer> => {
    if (!signal.aborted) await onTrouble?.({ detail });
    return { kind: 'trouble', cause: 'outage', detail };
  };
  if (sent.kind === 'unreachable') return outage(sent.detail);
  const { response } = sent;
  let body: string;
  try {
    body = isToBeRead(response, terms)
      ? await readText(response, LARGEST_PAGE, { within: TIME, room: hold })
      : await response.body.dump().then(() => '');
  } catch (error) {
    // It would be as long the next time.
    if (error instanceof TooLongError) throw new ExportError('InvalidManifest', error.message);
    if (error instanceof NetworkError) return outage(error.message);
    throw error;
  }
  const read = readStatus({ status: response.status, headers: response.headers, body }, terms, Date.now());
  const answer = terms.log?.isOfNewMembers === true ? withoutItsWords(read) : read;
  if ('detail' in answer) await onTrouble?.({ status: response.status, detail: answer.detail });
  switch (answer.kind) {
    case 'failed':
      // Many a server answers whatever goes wrong in it with an OperationOutcome.
      if (wasComplete) return { kind: 'trouble', cause: 'outage', detail: answer.detail };
      throw new ExportError('ExportFailed', `${answer.detail}${server.idsOf(response)}`);
    case 'refused': {
      if (answer.byGateway !== true) return server.refusal(sent, `the status request was refused: ${answer.detail}`);
      // By the same token it was allowed before, and so was whoever comes without any: the job is accepted. A token that has
      // ended may be refused like that as well, but files may be, too, and then as often as there are files.
      if (wasComplete || sent.authorized.kind === 'open')
        return { kind: 'trouble', cause: 'tokenEndpoint', detail: byPage(answer.detail), busy: true };
      return { ...server.refusal(sent, byPage(answer.detail)), byGateway: true };
    }
    case 'manifest': {
      requireNoToken(answer.manifest);
      const { expires, date } = response.headers;
      return { ...answer, page: { body, url, base: response.url, expires, date } };
    }
    case 'trouble':
      // Whatever it says, as above.
      if (wasComplete && answer.cause === 'unusable' && readOutcome(body) !== undefined)
        return { ...answer, cause: 'outage' };
      return answer;
    default:
      return answer;
  }
}

/** A body of a 202 is nothing unless partial manifests were asked for (IG 3.0), and may be sent as slowly as one likes. */
function isToBeRead({ status }: HttpResponse, { partial }: PollTerms): boolean {
  return status !== 202 || partial;
}

function byPage(detail: string): string {
  return `a firewall or a proxy before the server, it seems, refused the status request: ${detail}`;
}

function withoutItsWords(answer: PollAnswer): PollAnswer {
  if ('detail' in answer) return { ...answer, detail: withoutWords(answer.detail) };
  return 'progress' in answer ? { ...answer, progress: undefined } : answer;
}

/**
 * Links that hold the token come with it taken out, because it must not be stored, and would lead nowhere.
 *
 * @throws ExportError `InvalidManifest`
 */
function requireNoToken({ files, next = '' }: Manifest): void {
  if (!next.includes(REDACTED) && !files.some(({ url }) => url.includes(REDACTED))) return;
  throw new ExportError(
    'InvalidManifest',
    'links of the manifest hold the access token, which must not be stored: have the server authorize files otherwise, or choose another token if it is a common word',
  );
}
