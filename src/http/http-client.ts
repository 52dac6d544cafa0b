import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import { faultOfServerUrl } from './check-url.ts';
import { NetworkError, toNetworkError } from './network-error.ts';

/** Redirects of one request that are followed. */
const MOST_REDIRECTS = 5;

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
}

/** An answer whose body has not been read; it must be read or dumped, or its connection is lost. */
export interface HttpResponse {
  status: number;
  /** Names in lower case; several values of one name joined by `, `. */
  headers: Record<string, string | undefined>;
  body: Dispatcher.ResponseData['body'];
  /** Address that answered, after redirects. */
  url: string;
}

/** What a server's entry of the configuration asks for beyond the request itself. */
export interface RequestRules {
  /** Headers for origins that the configuration trusts, and never for others. */
  trustedHeaders: Record<string, string>;
  /** Origins of `baseUrl` and `fileOrigins`. */
  trustedOrigins: ReadonlySet<string>;
}

export interface HttpTimeouts {
  /** Milliseconds without response headers. */
  headers: number;
  /** Milliseconds without a byte of the body. */
  body: number;
}

/** The URL that a server gave must not be asked; final. */
export class RefusedUrlError extends Error {
  override readonly name = 'RefusedUrlError';
}

/** All HTTP of this process: one undici Agent, no retries (they are Temporal's), no global dispatcher. */
export class HttpClient {
  readonly #timeouts: HttpTimeouts;
  readonly #agent: Agent;

  constructor(timeouts: HttpTimeouts = { headers: 60_000, body: 60_000 }) {
    this.#timeouts = timeouts;
    this.#agent = this.#makeAgent();
  }

  /**
   * Sends a request and follows redirects, checking each address.
   *
   * @throws NetworkError when there is no answer; RefusedUrlError when an address is not allowed;
   *   the signal's reason when it was aborted
   */
  async send(request: HttpRequest, rules: RequestRules): Promise<HttpResponse> {
    const agent = request.freshConnection === true ? this.#makeAgent() : this.#agent;
    let { method, url, body } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce(
        agent,
        { ...request, method, url, ...(body === undefined ? {} : { body }) },
        rules,
      );
      const next = redirectOf(response);
      if (next === undefined || (method !== 'GET' && response.status !== 307 && response.status !== 308)) {
        // The agent of a fresh connection closes by itself when the body has been read.
        if (agent !== this.#agent) void agent.close();
        return response;
      }
      await response.body.dump();
      if (redirects === MOST_REDIRECTS)
        throw new NetworkError(`${new URL(url).host}: more than ${MOST_REDIRECTS} redirects`, true);
      url = next;
    }
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  async #sendOnce(agent: Agent, request: HttpRequest, rules: RequestRules): Promise<HttpResponse> {
    const url = new URL(request.url);
    const fault = faultOfServerUrl(url);
    if (fault !== undefined)
      throw new RefusedUrlError(`the server named an address at ${url.host} that is not asked: ${fault}`);
    const trusted = rules.trustedOrigins.has(url.origin);
    try {
      const { statusCode, headers, body } = await agent.request({
        origin: url.origin,
        path: pathAsGiven(request.url, url),
        method: request.method,
        headers: { ...request.headers, ...(trusted ? rules.trustedHeaders : {}) },
        ...(request.body === undefined ? {} : { body: request.body }),
        ...(request.signal === undefined ? {} : { signal: request.signal }),
      });
      return { status: statusCode, headers: flatten(headers), body, url: request.url };
    } catch (error) {
      if (request.signal?.aborted === true) throw request.signal.reason;
      throw toNetworkError(error, url.host);
    }
  }

  #makeAgent(): Agent {
    return new Agent({
      headersTimeout: this.#timeouts.headers,
      bodyTimeout: this.#timeouts.body,
      connect: { timeout: 10_000 },
    });
  }
}

/**
 * Reads a whole body as text.
 *
 * @param most bytes; a longer body is an error, or is cut with `cut`
 */
export async function readText(response: HttpResponse, most: number, cut = false): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > most && !cut) throw new NetworkError(`the answer is longer than ${most} bytes`, true);
      chunks.push(chunk);
      if (bytes > most) break;
    }
  } catch (error) {
    throw toNetworkError(error, new URL(response.url).host);
  }
  return Buffer.concat(chunks).subarray(0, most).toString('utf8');
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

function flatten(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}
