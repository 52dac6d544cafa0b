import { ExportError, PerhapsPassingError } from '../errors.ts';
import { busyBy } from '../fhir/busy.ts';
import { quoteAnswer, tidy } from '../fhir/quote.ts';
import { parseRetryAfter } from '../fhir/retry-after.ts';
import type { HttpClient } from '../http/http-client.ts';
import type { HttpResponse } from '../http/messages.ts';
import type { RequestRules } from '../http/rules.ts';
import { hide } from '../http/redact-secrets.ts';
import { readText } from '../http/read-text.ts';
import type { Clock, ServerClocks } from './clock.ts';

/** A token as the server gave it. */
export interface GrantedToken {
  kind: 'token';
  value: string;
  /** Milliseconds from now. */
  expiresIn: number;
  /** As granted; undefined when the server did not say, which means as asked (RFC 6749, 5.1). */
  scope: string | undefined;
}

/** The token endpoint cannot give a token now, but may later. */
export interface TokenTrouble {
  kind: 'trouble';
  /** Why, without secrets. */
  detail: string;
  /** Milliseconds that the server wants us to wait; undefined when it does not say. */
  retryAfter?: number | undefined;
  /** It wants fewer requests. */
  busy?: true;
}

/** The server knows no such scope, or grants none of it; another one may be granted. */
export class InvalidScopeError extends ExportError {
  constructor(message: string) {
    super('AuthorizationFailed', message);
  }
}

/**
 * How a client proves itself to the token endpoint; makes a new proof for every request.
 *
 * @param now time by the clock to be used: milliseconds since the epoch
 */
export type Proof = (now: number) => Promise<{
  headers: Record<string, string>;
  /** Of the form in the request's body. */
  fields: Record<string, string>;
  /** Texts that are removed from what the server answers. */
  secrets: string[];
}>;

/** Seconds that a token is assumed to live when the server does not say: the longest that SMART recommends. */
const DEFAULT_LIFE = 300;
/** Seconds that a token is believed to live: a year. */
const LONGEST_LIFE = 365 * 24 * 3600;
/** Bytes that are read of an answer, and milliseconds that it may take from its headers on. */
const LARGEST_ANSWER = 1024 * 1024;
const TIME = 20_000;
/** What OAuth calls a refusal (RFC 6749, 5.2), and what servers with rules for each client answer (4.1.2.1). */
const REFUSALS = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
]);
/** What OAuth calls a fault that passes (RFC 6749, 4.1.2.1), whatever the status. */
const FAULTS = new Set(['server_error', 'temporarily_unavailable']);
/** Errors after which another try with a fresh proof may help: wrong clock, replay, flaky servers (Epic). */
const PERHAPS_PASSING = new Set(['invalid_client', 'invalid_grant', undefined]);

/**
 * Asks for an access token. Source: SMART App Launch 2.2, Backend Services; RFC 6749, 4.4.
 *
 * @throws ExportError `AuthorizationFailed` when the server refuses for good; {@link InvalidScopeError} for its scope;
 *   {@link PerhapsPassingError} for an answer that is none of OAuth
 * @throws NetworkError when there is no answer
 */
export async function requestToken(
  http: HttpClient,
  rules: RequestRules,
  clocks: ServerClocks,
  {
    tokenUrl,
    scope,
    proof,
    supported,
  }: { tokenUrl: string; scope: string | undefined; proof: Proof; supported: readonly string[] },
): Promise<GrantedToken | TokenTrouble> {
  const { origin } = new URL(tokenUrl);
  const first = clocks.chosen(origin);
  for (let tries = 1; ; tries++) {
    // The proof may have been too old or too new by the clock that it was made by; or the refusal was a whim.
    const clock = tries === 2 && clocks.differ(origin) ? otherThan(first) : clocks.chosen(origin);
    const { headers, fields, secrets } = await proof(clocks.now(origin, clock));
    const body = { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }), ...fields };
    const response = await http.send(
      {
        what: 'token',
        method: 'POST',
        url: tokenUrl,
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(body).toString(),
        // A proof belongs to the endpoint that it was made for.
        followRedirects: false,
      },
      rules,
    );
    clocks.note(origin, response.headers['date']);
    const answer = await readText(response, LARGEST_ANSWER, { cut: true, within: TIME });
    const { status } = response;
    const refusal = status === 200 ? refusalIn(answer) : answer;
    if (refusal === undefined) {
      const token = readToken(answer);
      if (clock !== first) clocks.choose(origin, clock);
      return token;
    }
    const text = hide(refusal, secrets);
    const said = errorOf(text);
    if (status === 408 || status === 429 || status >= 500 || FAULTS.has(said ?? '')) return trouble(response, text);
    // Any other word is none of OAuth's: gateways and frameworks answer with `error`, too ("Not Found").
    const error = said !== undefined && REFUSALS.has(said) ? said : undefined;
    const most = clocks.differ(origin) ? 3 : 2;
    if (tries < most && [200, 400, 401].includes(status) && PERHAPS_PASSING.has(error)) continue;
    const detail = `the token endpoint answered HTTP ${status}${text.trim() === '' ? '' : `: ${quoteAnswer(text)}`}`;
    // Epic is known to answer a bare 400 now and then.
    if (error === undefined) throw new PerhapsPassingError(detail);
    if (error !== 'invalid_scope') throw new ExportError('AuthorizationFailed', detail);
    const known = supported.length === 0 ? '' : `; the server names as supported: ${tidy(supported.join(' '), 500)}`;
    throw new InvalidScopeError(`${detail}; asked for: ${tidy(scope ?? '', 500)}${known}`);
  }
}

function otherThan(clock: Clock): Clock {
  return clock === 'ours' ? 'theirs' : 'ours';
}

/** Whether a token can be the value of a header: without spaces, line breaks and letters beyond ASCII (RFC 6750, 2.1). */
export function isSendable(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}

function readToken(text: string): GrantedToken {
  let answer: Record<string, unknown> | null;
  try {
    answer = JSON.parse(text) as Record<string, unknown> | null;
  } catch {
    throw new PerhapsPassingError('the token endpoint answered 200 with something that is not JSON');
  }
  const { access_token: value, token_type: type, expires_in: life, scope } = answer ?? {};
  if (typeof value !== 'string' || value === '') {
    // Its words are not quoted: the token may be under another name.
    throw new PerhapsPassingError('the token endpoint answered 200 without an access_token');
  }
  if (!isSendable(value)) {
    throw new ExportError('AuthorizationFailed', 'the token endpoint gave an access_token that no header can carry');
  }
  if (typeof type === 'string' && type.toLowerCase() !== 'bearer') {
    throw new ExportError(
      'AuthorizationFailed',
      `the token endpoint gave a token of type ${tidy(type, 40)}, only Bearer can be used`,
    );
  }
  // BCDA sends the number as text; some servers leave it out.
  const seconds = typeof life === 'number' || typeof life === 'string' ? Number(life) : Number.NaN;
  return {
    kind: 'token',
    value,
    expiresIn: (Number.isFinite(seconds) && seconds > 0 ? Math.min(LONGEST_LIFE, seconds) : DEFAULT_LIFE) * 1000,
    scope: typeof scope === 'string' ? scope : undefined,
  };
}

function trouble(response: HttpResponse, text: string): TokenTrouble {
  return {
    kind: 'trouble',
    detail: `token endpoint: HTTP ${response.status}${text.trim() === '' ? '' : `: ${quoteAnswer(text)}`}`,
    retryAfter: parseRetryAfter(response.headers['retry-after'], response.headers['date'], Date.now()),
    ...busyBy(response),
  };
}

/** The refusal that was answered with 200, as some servers do, and nothing else of the answer; undefined for any other. */
function refusalIn(text: string): string | undefined {
  const error = errorOf(text);
  if (error === undefined || error === '') return undefined;
  const { access_token: token, error_description } = JSON.parse(text) as Record<string, unknown>;
  if (typeof token === 'string' && token !== '') return undefined;
  return JSON.stringify({ error, ...(typeof error_description === 'string' ? { error_description } : {}) });
}

/** `error` of RFC 6749, 5.2; undefined for a bare refusal. */
function errorOf(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
