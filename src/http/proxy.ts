import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { Pool, ProxyAgent } from 'undici';
import { ExportError } from '../errors.ts';
import { connectionsTo } from './connections-to.ts';
import { NetworkError, toNetworkError } from './network-error.ts';
import type { ProxyRules } from './proxy-rules.ts';

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
function tunnels(origin: URL, options: Pool.Options, { setting, renew, ...rules }: ProxyRules): Dispatcher {
  const pool = new Pool(origin, options);
  const open: (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData> = pool.connect.bind(pool);
  const proxy = `the proxy ${origin.host}`;
  let { authorization } = rules;
  const ask = async (target: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> => {
    const credentials = authorization === undefined ? {} : { 'proxy-authorization': authorization };
    const headers = { ...(target.headers as IncomingHttpHeaders), ...credentials };
    const tunnel = await open({ ...target, headers }).catch((error: unknown) => {
      throw new NetworkError(toNetworkError(error, proxy).message, false, { cause: error });
    });
    if (tunnel.statusCode !== 200) tunnel.socket.on('error', () => {}).destroy();
    return tunnel;
  };
  const connect = async (target: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> => {
    let tunnel = await ask(target);
    if (tunnel.statusCode === 407 && renew !== undefined) {
      // The password may have been changed since.
      authorization = await renew();
      tunnel = await ask(target);
    }
    if (tunnel.statusCode === 200) return tunnel;
    if (tunnel.statusCode === 407) throw refusal(origin.host, setting);
    throw new NetworkError(`${proxy}: HTTP ${tunnel.statusCode}`, false);
  };
  return Object.assign(pool, { connect });
}

/** The proxy demands other credentials. Trying again does not help. */
function refusal(host: string, setting: string): ExportError {
  return new ExportError(
    'AuthorizationFailed',
    `the proxy ${host} refuses the worker's credentials (HTTP 407); it is set by ${setting}, and its credentials by ` +
      `proxyCredentialsFile or proxyCredentialsEnv of the server's entry, or in HTTPS_PROXY`,
  );
}
