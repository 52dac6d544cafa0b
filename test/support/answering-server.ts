import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { ServerConfig } from '../../src/config.ts';
import { ServerAuthorization } from '../../src/auth/server-authorization.ts';
import type { HttpClient } from '../../src/http/http-client.ts';
import { serverEntry } from './stack.ts';
import { listenOnLoopback } from './listen.ts';

/** A request as it arrived. */
export interface Asked {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer of status 200 with a strong ETag unless it says otherwise; objects are sent as JSON. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | object;
}

/** An HTTP server on loopback that keeps what it is asked, and answers as told. */
export interface AnsweringServer {
  origin: string;
  asked: Asked[];
  /** Answers the next requests; may be replaced at any time. */
  answer: (request: Asked) => Answer | Promise<Answer>;
  close(): Promise<void>;
}

export async function startAnswering(answer: AnsweringServer['answer']): Promise<AnsweringServer> {
  const listener = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '', headers } = request;
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const asked = { method, url, headers, body };
      server.asked.push(asked);
      const { status = 200, headers: own = {}, body: content = '' } = await server.answer(asked);
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      if (status === 200) response.setHeader('etag', `"${createHash('sha256').update(text).digest('hex')}"`);
      response.writeHead(status, own).end(text);
    })();
  });
  const port = await listenOnLoopback(listener);
  const server: AnsweringServer = {
    origin: `http://127.0.0.1:${port}`,
    asked: [],
    answer,
    async close() {
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
    },
  };
  return server;
}

/** How a server with this entry of the configuration is authorized in a worker. */
export function authorizationOf(baseUrl: string, auth: ServerConfig['auth'], http: HttpClient): ServerAuthorization {
  const trustedOrigins = new Set([new URL(baseUrl).origin]);
  const rules = { trustedOrigins, trustedHeaders: { 'x-own': 'of the FHIR server' }, loopback: true };
  return new ServerAuthorization(serverEntry(baseUrl, { auth }), http, rules);
}
