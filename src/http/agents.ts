import type { Dispatcher } from 'undici';
import { Agent } from 'undici';
import { connectionsTo } from './connections-to.ts';
import { guardedLookup } from './guarded-lookup.ts';
import type { ProxyRules } from './proxy-rules.ts';
import { leadsThrough } from './proxy-rules.ts';
import { throughProxy } from './proxy.ts';
import type { ConnectionRules } from './rules.ts';
import { SLAB, readIntoSlabs } from './slabs.ts';
import type { Trust } from './trust.ts';

/** Bytes of all headers of an answer: an answer whose headers are longer is lost, and of a kick-off the job with it. */
const LARGEST_HEADERS = 64 * 1024;
/** Milliseconds until a connection must stand. */
const CONNECT_TIME = 10_000;
/** Milliseconds without a request after which an agent makes room when another is made. */
const UNUSED = 600_000;

export interface HttpTimeouts {
  /** Milliseconds without response headers. */
  headers: number;
  /** Milliseconds without a byte of the body, or at less than the slowest speed. */
  body: number;
}

/** The connections of this process: one undici agent for each way to reach a server, no global dispatcher. */
export class Agents {
  readonly #timeouts: HttpTimeouts;
  readonly #shared = new Map<string, { agent: Dispatcher; usedAt: number }>();
  /** Of one request each, and those that are being closed. */
  readonly #others = new Set<Dispatcher>();

  constructor(timeouts: HttpTimeouts) {
    this.#timeouts = timeouts;
  }

  /** The agent whose kept connections fit; made at the first use. */
  shared(connection: ConnectionRules | undefined, trust: Trust, url: URL): Dispatcher {
    const proxy = proxyTo(url, connection);
    const presents = trust.isTrusted && connection?.cert !== undefined;
    const key = [presents, trust.loopback, proxy !== undefined, connection?.key].join();
    const found = this.#shared.get(key);
    if (found !== undefined) {
      found.usedAt = Date.now();
      return found.agent;
    }
    this.#closeUnused();
    const agent = this.#make(connection, trust, proxy);
    this.#shared.set(key, { agent, usedAt: Date.now() });
    return agent;
  }

  /** Certificates that are renewed every hour must not leave an agent each. */
  #closeUnused(): void {
    for (const [key, { agent, usedAt }] of this.#shared) {
      if (Date.now() < usedAt + UNUSED) continue;
      this.#shared.delete(key);
      this.#others.add(agent);
      this.retire(agent);
    }
  }

  /** A new agent for one request, to be retired when that has been sent. */
  fresh(connection: ConnectionRules | undefined, trust: Trust, url: URL): Dispatcher {
    const agent = this.#make(connection, trust, proxyTo(url, connection));
    this.#others.add(agent);
    return agent;
  }

  /** Closes an agent when the bodies of its answers have been read. */
  retire(agent: Dispatcher): void {
    const forget = (): void => void this.#others.delete(agent);
    agent.close().then(forget, forget);
  }

  /** Ends all connections, whatever is exchanged over them. */
  async destroy(): Promise<void> {
    const shared = [...this.#shared.values()].map(({ agent }) => agent);
    await Promise.all([...shared, ...this.#others].map((agent) => agent.destroy()));
  }

  #make(
    connection: ConnectionRules | undefined,
    { isTrusted, loopback }: Trust,
    proxy: ProxyRules | undefined,
  ): Dispatcher {
    const { ca, cert, certKey } = connection ?? {};
    const tls = {
      ...(ca === undefined ? {} : { ca }),
      ...(isTrusted && cert !== undefined && certKey !== undefined ? { cert, key: certKey } : {}),
    };
    const limits = {
      headersTimeout: this.#timeouts.headers,
      bodyTimeout: this.#timeouts.body,
      maxHeaderSize: LARGEST_HEADERS,
    };
    // A socket that holds less would stop reading before a slab is full.
    const connect = { timeout: CONNECT_TIME, onread: readIntoSlabs, highWaterMark: SLAB, ...tls };
    // The proxy decides where it leads to, and it alone looks up names.
    return proxy === undefined
      ? new Agent({ ...limits, factory: connectionsTo, connect: { ...connect, lookup: guardedLookup(loopback) } })
      : throughProxy(proxy, { ...limits, connect });
  }
}

/** The proxy through which an address is reached. */
export function proxyTo(url: URL, connection: ConnectionRules | undefined): ProxyRules | undefined {
  const { proxy } = connection ?? {};
  return proxy !== undefined && leadsThrough(proxy, url) ? proxy : undefined;
}
