import { isTransient, readOutcome } from './operation-outcome.ts';
import { quoteAnswer } from './quote.ts';
import { resolveUrl } from './resolve-url.ts';
import { parseRetryAfter } from './retry-after.ts';

/** An answer to a kick-off; header names in lower case. */
export interface KickOffResponse {
  status: number;
  headers: Readonly<Record<string, string | undefined>>;
  /** Address that answered, after redirects. */
  url: string;
}

/** The server has started the export. */
export interface Acceptance {
  /** Absolute. */
  statusUrl: string;
  /** The server applies `separate-export-status` (Bulk Data IG 3.0). */
  separateStatus: boolean;
  /** Milliseconds until the first poll, when the server names a usable time. */
  retryAfter: number | undefined;
  /** The server's clock, milliseconds since the epoch; undefined when it names no time. */
  date: number | undefined;
}

/** What an answer means that accepts nothing. `retryAfter` in milliseconds. */
export type Rejection =
  /** Nobody knows whether the export was started. */
  | { kind: 'unknown'; detail: string; retryAfter: number | undefined }
  /** It was started, perhaps (`mayHaveStarted`), but nobody can follow it. */
  | { kind: 'unusable'; detail: string; mayHaveStarted: boolean }
  /** 401 or 403. */
  | { kind: 'refused'; detail: string; retryAfter: number | undefined }
  /** 405: the server wants the other method. */
  | { kind: 'wrongMethod'; detail: string }
  /** The same kick-off may be accepted later. `mayHaveStarted`: a gateway answered that may have given up waiting. */
  | { kind: 'trouble'; detail: string; retryAfter: number | undefined; tooMany?: TooMany; mayHaveStarted: boolean }
  | { kind: 'rejected'; detail: string; retryAfter: number | undefined };

const NOT_FOLLOWED = 'the server answered without a usable Content-Location, so the export cannot be followed';

/** Of a gateway that gave up waiting, or that lost the connection: Cloudflare's 520 and 524, and 598 of other proxies. */
const NO_ANSWER = new Set([502, 504, 520, 524, 598]);

/** Milliseconds after which an answer that is no FHIR may be one of a gateway that gave up waiting. */
const WAITED = 5000;

/** 429: `exports` when the server says that it is about jobs and not about requests, by the issue code `throttled`. */
export type TooMany = 'exports' | 'requests';

/**
 * Reads from status and headers whether a kick-off is accepted. Source: Bulk Data IG 1.0 to 4.0-ballot, kick-off
 * response. Some servers answer 200 or 201; with a status URL that is as good as 202.
 *
 * @param now our clock, milliseconds since the epoch
 */
export function readAcceptance({ status, headers, url }: KickOffResponse, now: number): Acceptance | undefined {
  const location = headers['content-location'];
  const statusUrl = location === undefined ? undefined : resolveUrl(location, url);
  if (!isSuccess(status) || status > 202 || statusUrl === undefined) return undefined;
  return {
    statusUrl,
    separateStatus: /\bseparate-export-status\b/.test(headers['preference-applied'] ?? ''),
    retryAfter: parseRetryAfter(headers['retry-after'], headers['date'], now),
    date: dateOf(headers['date']),
  };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function dateOf(header: string | undefined): number | undefined {
  const date = Date.parse(header ?? '');
  return Number.isNaN(date) ? undefined : date;
}

/**
 * Reads an answer that {@link readAcceptance} found to accept nothing, or whose status URL must not be asked.
 *
 * @param body empty when it could not be read
 * @param now our clock, milliseconds since the epoch
 * @param waited milliseconds from the request to this answer
 */
export function readRejection(
  { status, headers, url }: KickOffResponse,
  body: string,
  now: number,
  waited: number,
): Rejection {
  const detail = `HTTP ${status}${redirectOf(status, headers, url)}${body.trim() === '' ? '' : `: ${quoteAnswer(body)}`}`;
  const retryAfter = parseRetryAfter(headers['retry-after'], headers['date'], now);
  const isFhir = readOutcome(body) !== undefined;
  if (isSuccess(status)) {
    // A page with 200 is a login or a portal; 202 is said by whoever has started something.
    const location = headers['content-location'];
    const statusUrl = location === undefined ? undefined : resolveUrl(location, url);
    const origin = statusUrl === undefined ? '' : ` (${new URL(statusUrl).origin})`;
    const mayHaveStarted = isFhir || status === 202 || body.trim() === '' || location !== undefined;
    return { kind: 'unusable', detail: `${NOT_FOLLOWED}${origin}: ${detail}`, mayHaveStarted };
  }
  // A gateway that gave up waiting does not know whether the server behind it has started the export.
  if (NO_ANSWER.has(status)) return { kind: 'unknown', detail, retryAfter };
  if (status === 401 || status === 403) return { kind: 'refused', detail, retryAfter };
  if (status === 405) return { kind: 'wrongMethod', detail };
  if (!mayPass(status, body)) return { kind: 'rejected', detail, retryAfter };
  // Some gateways say 500 or 503 then (Heroku, Azure Front Door, Envoy). One that names a time knows what it does.
  const mayHaveStarted = status >= 500 && !isFhir && retryAfter === undefined && waited >= WAITED;
  return { kind: 'trouble', detail, retryAfter, mayHaveStarted, ...(status === 429 ? { tooMany: tooMany(body) } : {}) };
}

/** Where a redirect leads to that was not followed; of the address the origin only. */
function redirectOf(status: number, headers: KickOffResponse['headers'], url: string): string {
  const to = status >= 300 && status < 400 ? headers['location'] : undefined;
  return to !== undefined && URL.canParse(to, url)
    ? `, a redirect to ${new URL(to, url).origin} that is not followed`
    : '';
}

/** FHIR's `throttled` is about load in general; to a kick-off BCDA answers it while a job runs. */
function tooMany(body: string): TooMany {
  return readOutcome(body)?.some(({ code }) => code === 'throttled') === true ? 'exports' : 'requests';
}

function mayPass(status: number, body: string): boolean {
  if (status === 408 || status === 425 || status === 429 || status === 503) return true;
  if (status < 500 || status === 501 || status === 505) return false;
  const issues = readOutcome(body);
  return issues === undefined || isTransient(issues);
}
