import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { Pool, ProxyAgent } from 'undici';
import { Secret } from '../process/secret.ts';
import { ExportError } from '../errors.ts';
import { connectionsTo } from './connections-to.ts';
import { NetworkError, toNetworkError } from './network-error.ts';
import { refusalsOf } from './proxy-refusals.ts';
import type { ProxyRules } from './proxy-rules.ts';
import { basic } from './proxy-rules.ts';

interface TunnelRules {
  headersTimeout: number;
  bodyTimeout: number;
  /** Of the connection to the server, within the tunnel. */
  connect: { timeout: number; ca?: string };
}

/** Requests through tunnels of an HTTP proxy, for `http:` too. */
export function throughProxy(proxy: ProxyRules, rules: TunnelRules): Dispatcher {
  const { timeout, ca } = rules.connect;
  return new ProxyAgent({
    ...rules,
    uri: proxy.url,
    factory: connectionsTo,
    requestTls: rules.connect,
    proxyTls: { timeout, ...(ca === undefined ? {} : { ca }) },
    clientFactory: (origin, options) => tunnels(origin, { ...options, headersTimeout: rules.headersTimeout }, proxy),
  });
}

/** Connections to a proxy. A fault there occurs before anything of the request is sent. */
function tunnels(origin: URL, options: Pool.Options, rules: ProxyRules): Dispatcher {
  const { setting, credentials: source } = rules;
  const secret = source === undefined ? undefined : new Secret(source);
  const pool = new Pool(origin, options);
  const open: (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData> = pool.connect.bind(pool);
  const proxy = `the proxy ${origin.host}`;
  const refusals = refusalsOf(rules);
  let { authorization } = rules;
  const ask = async (target: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> => {
    const credentials = authorization === undefined ? {} : { 'proxy-authorization': authorization };
    const headers = { ...(target.headers as IncomingHttpHeaders), ...credentials };
    const tunnel = await open({ ...target, headers }).catch((error: unknown) => {
      throw new NetworkError(toNetworkError(error, proxy, false).message, false, { cause: error });
    });
    if (tunnel.statusCode !== 200) tunnel.socket.on('error', () => {}).destroy();
    return tunnel;
  };
  const connect = async (target: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> => {
    let tunnel = await ask(target);
    if (tunnel.statusCode === 407 && secret !== undefined) {
      // The password may have been changed since.
      authorization = basic(await secret.text());
      tunnel = await ask(target);
    }
    if (tunnel.statusCode === 200) {
      refusals.end();
      return tunnel;
    }
    if (tunnel.statusCode === 407) throw refusal(origin.host, setting, refusals.isFinal());
    throw new NetworkError(`${proxy}: HTTP ${tunnel.statusCode}`, false);
  };
  return Object.assign(pool, { connect });
}

/** The proxy demands other credentials, or cannot ask about them now. */
function refusal(host: string, setting: string, isFinal: boolean): Error {
  const text =
    `the proxy ${host} refuses the worker's credentials (HTTP 407); it is set by ${setting}, and its credentials by ` +
    `proxyCredentialsFile or proxyCredentialsEnv of the server's entry, or in HTTPS_PROXY`;
  return isFinal ? new ExportError('AuthorizationFailed', text) : new NetworkError(text, false);
}
