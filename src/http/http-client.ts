import { resolveUrl } from '../fhir/resolve-url.ts';
import type { HttpTimeouts } from './agents.ts';
import { Agents, proxyTo } from './agents.ts';
import { faultOfServerUrl } from './check-url.ts';
import type { Over } from './exchange.ts';
import { exchange } from './exchange.ts';
import { DEFAULT_HEADERS, flatten, lowerCased, withoutSecret } from './headers.ts';
import type { AnswerOf, HttpRequest, HttpResponse, OnExchanged } from './messages.ts';
import { NetworkError, errorType } from './network-error.ts';
import { ProxiedNames } from './proxied-names.ts';
import { RefusedUrlError } from './refused-url.ts';
import type { RequestRules } from './rules.ts';
import type { Way } from './trust.ts';
import { mayRepeatBody, trustIn } from './trust.ts';

/** Redirects of one request that are followed. */
const MOST_REDIRECTS = 5;

/** All HTTP of this process. No retries: they are Temporal's. */
export class HttpClient {
  readonly #agents: Agents;
  readonly #timeouts: HttpTimeouts;
  readonly #proxied = new ProxiedNames();
  readonly #onAnswer: (answer: AnswerOf) => void;
  readonly #watch: () => OnExchanged | undefined;

  /**
   * @param timeouts default: 60 s without headers, 60 s without a byte of the body, or with next to nothing
   * @param onAnswer called with each answer, and each time that none came
   * @param watch called before each request, for who wants to hear how it went
   */
  constructor(
    timeouts: HttpTimeouts = { headers: 60_000, body: 60_000 },
    onAnswer: (answer: AnswerOf) => void = () => {},
    watch: () => OnExchanged | undefined = () => undefined,
  ) {
    this.#agents = new Agents(timeouts);
    this.#timeouts = timeouts;
    this.#onAnswer = onAnswer;
    this.#watch = watch;
  }

  /**
   * Sends a request and follows redirects, checking each address.
   *
   * @throws NetworkError when there is no answer; RefusedUrlError when an address is not allowed;
   *   the signal's reason when it was aborted
   */
  async send(request: HttpRequest, rules: RequestRules): Promise<HttpResponse> {
    const way: Way = { firstOrigin: new URL(request.url).origin, isTrusted: true };
    let { url } = request;
    const asked = new Set([url]);
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce({ ...request, url }, way, rules);
      const next = request.followRedirects === false ? undefined : redirectOf(response);
      if (next === undefined || !mayFollow(request.method, response.status, next, rules)) return response;
      await response.body.dump();
      if (redirects === MOST_REDIRECTS) {
        // Each was answered by a redirect only: nobody has begun what was asked for.
        throw new NetworkError(`${new URL(url).host}: more than ${MOST_REDIRECTS} redirects`, false);
      }
      way.isTrusted &&= rules.trustedOrigins.has(new URL(url).origin);
      requireOpen(url, next, rules);
      if (asked.has(next)) throw new NetworkError(`${new URL(url).host}: redirects in a circle`, false);
      asked.add(next);
      url = next;
    }
  }

  /** Ends all connections; exchanges that are not over fail. */
  async close(): Promise<void> {
    await this.#agents.destroy();
  }

  async #sendOnce(request: HttpRequest, way: Way, rules: RequestRules): Promise<HttpResponse> {
    const url = new URL(request.url);
    const trust = trustIn(url, way, rules);
    const fault = faultOfServerUrl(url, trust.loopback);
    if (fault !== undefined) throw new RefusedUrlError(url.host, fault);
    if (proxyTo(url, rules.connection) !== undefined) {
      const nameFault = await this.#proxied.faultOf(url, trust.loopback);
      if (nameFault !== undefined) throw new RefusedUrlError(url.hostname, nameFault);
    }
    const { authorization } = request;
    const isFresh = request.freshConnection === true;
    const agent = isFresh
      ? this.#agents.fresh(rules.connection, trust, url)
      : this.#agents.shared(rules.connection, trust, url);
    const options = {
      origin: url.origin,
      path: pathAsGiven(request.url, url),
      method: request.method,
      headers: {
        ...DEFAULT_HEADERS,
        ...request.headers,
        ...(trust.isTrusted ? lowerCased(rules.trustedHeaders) : {}),
        ...(authorization !== undefined && trust.getsToken ? { authorization } : {}),
      },
      ...(rules.stall === undefined ? {} : { headersTimeout: rules.stall, bodyTimeout: rules.stall }),
      ...(request.body === undefined ? {} : { body: request.body }),
    };
    try {
      const { status, headers, body } = await exchange(agent, options, {
        host: url.host,
        window: rules.stall ?? this.#timeouts.body,
        signal: request.signal,
        onOver: this.#watched(request, url, rules),
      });
      this.#count(request, rules, status);
      // Also where it was not sent: a redirect may repeat it to the next address.
      const secret = authorization?.replace(/^\S+\s+/, '');
      const redirectedFrom = url.origin === way.firstOrigin ? undefined : way.firstOrigin;
      return {
        status,
        headers: withoutSecret(flatten(headers), secret),
        body,
        url: request.url,
        redirectedFrom,
        secret,
      };
    } catch (error) {
      if (error instanceof NetworkError) this.#count(request, rules, undefined);
      throw error;
    } finally {
      if (isFresh) this.#agents.retire(agent);
    }
  }

  /** For the end of a request, where somebody wants to hear of it. */
  #watched({ what, method }: HttpRequest, url: URL, { server }: RequestRules): ((over: Over) => void) | undefined {
    const onExchanged = what === undefined || server === undefined ? undefined : this.#watch();
    if (what === undefined || server === undefined || onExchanged === undefined) return undefined;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    const startedAt = Date.now();
    // By a clock that nobody sets meanwhile.
    const from = performance.now();
    return ({ status, bytes, error }) => {
      const endedAt = startedAt + performance.now() - from;
      const broken = error === undefined ? {} : { error: errorType(error) };
      onExchanged({ server, what, method, host, port, startedAt, endedAt, status, bytes, ...broken });
    };
  }

  #count({ what }: HttpRequest, { server }: RequestRules, status: number | undefined): void {
    if (what !== undefined && server !== undefined) this.#onAnswer({ server, what, status });
  }
}

/** Where an answer redirects to. */
function redirectOf({ status, headers, url }: HttpResponse): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = headers['location'];
  return location === undefined ? undefined : resolveUrl(location, url);
}

/** @throws RefusedUrlError when this server is not asked what another one wants */
function requireOpen(from: string, to: string, { closedOrigin }: RequestRules): void {
  const { origin, host } = new URL(to);
  if (origin !== closedOrigin || new URL(from).origin === origin) return;
  throw new RefusedUrlError(host, 'a redirect from another server');
}

/** Other methods than GET are repeated where the status keeps the method (RFC 9110, 15.4), and their bodies may go. */
function mayFollow(method: HttpRequest['method'], status: number, next: string, rules: RequestRules): boolean {
  return method === 'GET' || ((status === 307 || status === 308) && mayRepeatBody(next, rules));
}

/** Path and query exactly as given: the status URL belongs to the server, which may compare it to the letter. */
function pathAsGiven(text: string, url: URL): string {
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\\]+(\/[^#\\]*)(?:#|$)/i.exec(text);
  // Characters that must not stand in a request line, and what it reads differently, are left to the URL parser.
  return match?.[1] !== undefined && /^[\x21-\x7e]+$/.test(match[1]) ? match[1] : `${url.pathname}${url.search}`;
}
