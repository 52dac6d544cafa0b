import type { IncomingMessage } from 'node:http';
import { request as requestPlain } from 'node:http';
import type { AgentOptions } from 'node:https';
import { Agent, request as requestSecure } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import { ExportError } from '../../errors.ts';
import { refusalsOf } from '../../http/proxy-refusals.ts';
import type { ProxyRules } from '../../http/proxy-rules.ts';
import { leadsThrough } from '../../http/proxy-rules.ts';

/** Milliseconds without an answer of the proxy. */
const TUNNEL_TIME = 10_000;

/** Connections of the SDK by TLS: through tunnels of a proxy, except to the hosts that need none. */
export class TunnelAgent extends Agent {
  readonly #proxy: ProxyRules | undefined;

  constructor(proxy: ProxyRules | undefined, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | null | undefined {
    const host = options.host ?? 'localhost';
    const authority = `${host.includes(':') ? `[${host}]` : host}:${options.port ?? 443}`;
    if (this.#proxy === undefined || !leadsThrough(this.#proxy, new URL(`https://${authority}`))) {
      return super.createConnection(options, callback);
    }
    openTunnel(this.#proxy, authority)
      .then((socket) => connect({ ...options, socket }))
      .then(
        (socket) => callback?.(null, socket),
        (error: Error) => callback?.(error, undefined as never),
      );
    return undefined;
  }
}

/** @throws ExportError `DestinationFailed` when the proxy has refused the credentials for long; else an Error with a code */
function openTunnel(rules: ProxyRules, authority: string): Promise<Socket> {
  const { url, authorization, setting } = rules;
  const refusals = refusalsOf(rules);
  const proxy = `the proxy ${new URL(url).host}, set by ${setting}`;
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? requestSecure : requestPlain)(url, {
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      },
      agent: false,
      timeout: TUNNEL_TIME,
    });
    const onAnswer = ({ statusCode }: IncomingMessage, socket: Socket): void => {
      socket.setTimeout(0);
      if (statusCode === 200) {
        refusals.end();
        return resolve(socket);
      }
      socket.on('error', () => {}).destroy();
      reject(
        statusCode === 407 ? refusal(proxy, refusals.isFinal()) : withCode(`${proxy}: HTTP ${statusCode}`, 'EPROTO'),
      );
    };
    request.on('connect', onAnswer);
    request.on('timeout', () => request.destroy(withCode('no answer', 'ETIMEDOUT')));
    request.on('error', (error: NodeJS.ErrnoException) => {
      const code = error.code ?? 'EPROTO';
      reject(withCode(`${proxy}: ${code}`, code, error));
    });
    request.end();
  });
}

function refusal(proxy: string, isFinal: boolean): Error {
  const text = `${proxy}, refuses the worker's credentials (HTTP 407); correct them there`;
  return isFinal ? new ExportError('DestinationFailed', text) : withCode(text, 'EPROTO');
}

/** By its code it is a fault of the network, which may pass. */
function withCode(message: string, code: string, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), { code });
}
