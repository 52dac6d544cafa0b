import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { faultOfServerUrl } from './check-url.ts';
import { TooLongError, decode } from './decode.ts';
import type { HttpBody } from './exchange.ts';
import { exchange } from './exchange.ts';
import { hide } from './hide.ts';
import { NetworkError } from './network-error.ts';
import { guardedLookup } from './guarded-lookup.ts';
import { throughProxy } from './proxy.ts';
import { RefusedUrlError } from './refused-url.ts';

export { RefusedUrlError };

/** Redirects of one request that are followed. */
const MOST_REDIRECTS = 5;

const DEFAULT_HEADERS = {
  // Firewalls refuse requests without a name (AWS WAF, Core rule set).
  'user-agent': 'fhir-bulk-export',
  // RFC 9110, 12.5.3: without the header the server may choose any coding.
  'accept-encoding': 'identity',
};

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  headers: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
  /**
   * Sent over a connection of its own. For a request that must not be sent twice: a kept one may just have been closed
   * by the server, and then nobody knows whether the request arrived.
   */
  freshConnection?: boolean;
  /**
   * Value of `Authorization`. Sent to a trusted origin only, and not along a redirect to another origin, even a trusted
   * one. Taken out of everything that is read of the answer.
   */
  authorization?: string;
  /** False: a redirect is an answer. Default true. */
  followRedirects?: boolean;
}

/** An answer whose body has not been read; it must be received, dumped or destroyed, or its connection is lost. */
export interface HttpResponse {
  status: number;
  /** Names in lower case; several values of one name joined by `, `. */
  headers: Record<string, string | undefined>;
  body: HttpBody;
  /** Address that answered, after redirects. */
  url: string;
  /** Text that must not be kept of the answer: servers quote the token that they refuse. */
  secret?: string;
}

/** What a server's entry of the configuration asks for beyond the request itself. */
export interface RequestRules {
  /** Headers for origins that the configuration trusts, and never for others. */
  trustedHeaders: Record<string, string>;
  /** Origins of `baseUrl` and `fileOrigins`. */
  trustedOrigins: ReadonlySet<string>;
  /** Addresses of this machine may be asked: the FHIR server is one. Default false. */
  loopback?: boolean;
  /** Hosts that the configuration names. They may lead to this machine, too: that is the operator's choice. */
  configuredHosts?: ReadonlySet<string>;
  /** Milliseconds without headers or a byte, instead of the process's own. */
  stall?: number;
  /** How this server is reached; default: directly, with the certificate authorities of Node. */
  connection?: ConnectionRules;
}

/** TLS and proxy of one server. */
export interface ConnectionRules {
  /** Same for equal rules: connections are shared under it. */
  key: string;
  /** PEM; certificate authorities instead of Node's own. */
  ca?: string;
  /** PEM; presented to trusted origins and the token endpoint only. */
  cert?: string;
  certKey?: string;
  /** URL of an HTTP proxy. */
  proxy?: string;
}

/** Room in memory for bodies. */
export interface Room {
  /** Bytes of a body that need not be asked for. */
  uncounted: number;
  /** Waits until there is room for so many bytes. */
  take(bytes: number): Promise<void> | undefined;
}

export interface HttpTimeouts {
  /** Milliseconds without response headers. */
  headers: number;
  /** Milliseconds without a byte of the body. */
  body: number;
}

/** All HTTP of this process: one undici Agent, no retries (they are Temporal's), no global dispatcher. */
export class HttpClient {
  readonly #timeouts: HttpTimeouts;
  readonly #agents = new Map<string, Dispatcher>();

  constructor(timeouts: HttpTimeouts = { headers: 60_000, body: 60_000 }) {
    this.#timeouts = timeouts;
  }

  /**
   * Sends a request and follows redirects, checking each address.
   *
   * @throws NetworkError when there is no answer; RefusedUrlError when an address is not allowed;
   *   the signal's reason when it was aborted
   */
  async send(request: HttpRequest, rules: RequestRules): Promise<HttpResponse> {
    const origin = new URL(request.url).origin;
    let { method, url, body } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce(
        { ...request, method, url, ...(body === undefined ? {} : { body }) },
        origin,
        rules,
      );
      const next = request.followRedirects === false ? undefined : redirectOf(response);
      if (next === undefined || (method !== 'GET' && !mayRepeat(response, next, rules))) return response;
      await response.body.dump();
      if (redirects === MOST_REDIRECTS) {
        throw new NetworkError(`${new URL(url).host}: more than ${MOST_REDIRECTS} redirects`, true);
      }
      url = next;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }

  async #sendOnce(request: HttpRequest, firstOrigin: string, rules: RequestRules): Promise<HttpResponse> {
    const url = new URL(request.url);
    const loopback = rules.loopback === true || rules.configuredHosts?.has(url.hostname) === true;
    const fault = faultOfServerUrl(url, loopback);
    if (fault !== undefined) throw new RefusedUrlError(url.host, fault);
    const trusted = rules.trustedOrigins.has(url.origin);
    const authorization = trusted && url.origin === firstOrigin ? request.authorization : undefined;
    const fresh = request.freshConnection === true;
    const agent = fresh
      ? this.#makeAgent(rules.connection, trusted, loopback)
      : this.#agentFor(rules.connection, trusted, loopback);
    const options = {
      origin: url.origin,
      path: pathAsGiven(request.url, url),
      method: request.method,
      headers: {
        ...DEFAULT_HEADERS,
        ...request.headers,
        ...(trusted ? lowerCased(rules.trustedHeaders) : {}),
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(rules.stall === undefined ? {} : { headersTimeout: rules.stall, bodyTimeout: rules.stall }),
      ...(request.body === undefined ? {} : { body: request.body }),
    };
    try {
      const { status, headers, body } = await exchange(agent, options, url.host, request.signal);
      // Not only where it was sent: a redirect may tell it to the next.
      const secret = request.authorization?.replace(/^\S+\s+/, '');
      return {
        status,
        headers: flatten(headers),
        body,
        url: request.url,
        ...(secret === undefined ? {} : { secret }),
      };
    } finally {
      // Closes when the body has been read.
      if (fresh) void agent.close();
    }
  }

  #agentFor(connection: ConnectionRules | undefined, trusted: boolean, loopback: boolean): Dispatcher {
    const key = [trusted && connection?.cert !== undefined, loopback, connection?.key].join();
    const found = this.#agents.get(key);
    if (found !== undefined) return found;
    const agent = this.#makeAgent(connection, trusted, loopback);
    this.#agents.set(key, agent);
    return agent;
  }

  #makeAgent(connection: ConnectionRules | undefined, trusted: boolean, loopback: boolean): Dispatcher {
    const { ca, cert, certKey, proxy } = connection ?? {};
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(trusted && cert !== undefined && certKey !== undefined ? { cert, key: certKey } : {}),
    };
    const timeouts = { headersTimeout: this.#timeouts.headers, bodyTimeout: this.#timeouts.body };
    const connect = { timeout: 10_000, ...tls };
    // Where a proxy leads to is the proxy's to decide, and it alone looks names up.
    return proxy === undefined
      ? new Agent({ ...timeouts, connect: { ...connect, lookup: guardedLookup(loopback) } })
      : throughProxy(proxy, { ...timeouts, connect });
  }
}

/**
 * Reads a whole body as text, decoded.
 *
 * @param most bytes, as sent and decoded; a longer body is an error, or is cut with `cut` where it is sent uncoded
 * @param room asked once, before more than it leaves uncounted is held
 * @throws NetworkError; what `room` throws
 */
export async function readText(response: HttpResponse, most: number, cut = false, room?: Room): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isEnough = false;
  let isCounted = room === undefined;
  try {
    await response.body.receive((chunk) => {
      bytes += chunk.length;
      chunks.push(chunk);
      isEnough = cut && bytes > most;
      if (bytes > most) throw new TooLongError(most);
      if (isCounted || bytes <= (room?.uncounted ?? 0)) return undefined;
      isCounted = true;
      return room?.take(lengthOf(response.headers) ?? most);
    });
  } catch (error) {
    if (!isEnough) throw error;
  }
  const body = Buffer.concat(chunks).subarray(0, most);
  const coding = response.headers['content-encoding'];
  const decoded = await decode(body, coding, isCounted ? most : Math.min(most, room?.uncounted ?? most)).catch(
    async (error: unknown) => {
      if (isCounted || !(error instanceof TooLongError)) throw error;
      // A little that is compressed may be much.
      await room?.take(most);
      return decode(body, coding, most);
    },
  );
  const text = decoded.toString('utf8');
  return response.secret === undefined ? text : hide(text, [response.secret]);
}

/** Bytes that will be read, where that is sure. */
function lengthOf(headers: HttpResponse['headers']): number | undefined {
  const length = headers['content-length'];
  return headers['content-encoding'] === undefined && /^\d+$/.test(length ?? '') ? Number(length) : undefined;
}

/** A body, which may name patients, goes on to origins of the configuration only. */
function mayRepeat({ status }: HttpResponse, next: string, { trustedOrigins }: RequestRules): boolean {
  return (status === 307 || status === 308) && trustedOrigins.has(new URL(next).origin);
}

function redirectOf({ status, headers, url }: HttpResponse): string | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const location = headers['location'];
  return location !== undefined && URL.canParse(location, url) ? new URL(location, url).href : undefined;
}

/** Path and query exactly as given: the status URL belongs to the server, which may compare it to the letter. */
function pathAsGiven(text: string, url: URL): string {
  const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(\/[^#]*)/i.exec(text);
  // Characters that may not stand in a request line are left to the URL parser.
  return match?.[1] !== undefined && /^[\x21-\x7e]+$/.test(match[1]) ? match[1] : `${url.pathname}${url.search}`;
}

/** Names without case, so that a configured header takes the place of ours and is not sent beside it. */
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}
