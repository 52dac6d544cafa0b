import type { Dispatcher } from 'undici';
import { Pool, ProxyAgent } from 'undici';
import { connectionsTo } from './connections-to.ts';
import { NetworkError, toNetworkError } from './network-error.ts';

interface ProxyRules {
  headersTimeout: number;
  bodyTimeout: number;
  /** Of the connection to the server, within the tunnel. */
  connect: { timeout: number; ca?: string };
}

/** Requests through tunnels of an HTTP proxy, for `http:` too. */
export function throughProxy(uri: string, rules: ProxyRules): Dispatcher {
  const { timeout, ca } = rules.connect;
  return new ProxyAgent({
    ...rules,
    uri,
    factory: connectionsTo,
    requestTls: rules.connect,
    proxyTls: { timeout, ...(ca === undefined ? {} : { ca }) },
    clientFactory: (origin, options) => tunnels(origin, { ...options, headersTimeout: rules.headersTimeout }),
  });
}

/** Connections to a proxy. A fault there occurs before anything of the request is sent. */
function tunnels(origin: URL, options: Pool.Options): Dispatcher {
  const pool = new Pool(origin, options);
  const open: (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData> = pool.connect.bind(pool);
  const proxy = `the proxy ${origin.host}`;
  const connect = async (target: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> => {
    const tunnel = await open(target).catch((error: unknown) => {
      throw new NetworkError(toNetworkError(error, proxy).message, false, { cause: error });
    });
    if (tunnel.statusCode === 200) return tunnel;
    tunnel.socket.on('error', () => {}).destroy();
    throw new NetworkError(`${proxy}: HTTP ${tunnel.statusCode}`, false);
  };
  return Object.assign(pool, { connect });
}
