import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { PayloadCodec } from '@temporalio/common';
import { isLoopback } from '../http/check-url.ts';
import { isToken } from './bearer-token.ts';
import { payloadsOf, textOfPayloads } from './payloads-json.ts';

/** Bytes of a request: a page of a history, whose messages Temporal keeps below 4 MiB, in base64. */
const LONGEST_BODY = 16 * 1024 * 1024;
/** Milliseconds within which a request must be there. */
const PATIENCE = 30_000;

export interface CodecServerOptions {
  codec: PayloadCodec;
  /** Origin of the Web UI, the only one whose pages may ask. Undefined: no page may, only programs. */
  origin?: string | undefined;
  /** What `Authorization: Bearer …` must say; undefined: nothing, and then only requests for a name of loopback are answered. */
  token?: string | undefined;
}

/** An answer that is no success; the text is for people. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Decrypts and encrypts payloads for the Web UI and the CLI of Temporal: `POST /decode` and `POST /encode`, each with
 * `{"payloads": […]}` as Temporal's tools send them. Payloads and tokens are never logged.
 */
export function codecServer({ codec, origin, token }: CodecServerOptions): Server {
  const steps: Record<string, PayloadCodec['decode']> = {
    '/decode': (payloads) => codec.decode(payloads),
    '/encode': (payloads) => codec.encode(payloads),
  };

  return createServer({ requestTimeout: PATIENCE, headersTimeout: PATIENCE }, (request, response) => {
    answer(request, response).catch((error: Error) => {
      if (response.headersSent) return void response.destroy();
      const status = error instanceof Refused ? error.status : 500;
      const headers = {
        'Content-Type': 'text/plain; charset=utf-8',
        ...(status === 413 ? { Connection: 'close' } : {}),
      };
      response.writeHead(status, headers).end(error instanceof Refused ? error.message : 'The codec server failed.');
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asking = request.headers.origin;
    response.setHeader('Vary', 'Origin').setHeader('Cache-Control', 'no-store');
    if (asking !== undefined && asking !== origin) throw new Refused(403, 'Pages of this origin may not ask.');
    if (asking !== undefined) allowOrigin(response, asking);
    // A page could have a name of its own lead here; without a token nothing else would stop it.
    if (token === undefined && !isForLoopback(request))
      throw new Refused(421, 'Without a token, only loopback is served.');
    const step = steps[pathOf(request)];
    if (step === undefined) throw new Refused(404, 'There are /decode and /encode.');
    if (request.method === 'OPTIONS') return void response.writeHead(204).end();
    if (request.method !== 'POST') throw new Refused(405, 'Use POST.');
    if (token !== undefined && !isToken(request.headers.authorization, token)) {
      response.setHeader('WWW-Authenticate', 'Bearer');
      throw new Refused(401, 'The header Authorization must have the bearer token of this codec server.');
    }
    const payloads = payloadsOf(await bodyOf(request));
    if (payloads === undefined) throw new Refused(400, 'The body must be {"payloads": […]} with payloads of Temporal.');
    const result = await step(payloads).catch((error: Error) => {
      throw new Refused(400, error.message);
    });
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(textOfPayloads(result));
  }
}

function allowOrigin(response: ServerResponse, origin: string): void {
  response
    .setHeader('Access-Control-Allow-Origin', origin)
    .setHeader('Access-Control-Allow-Methods', 'POST, OPTIONS')
    .setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type, X-Namespace')
    // The Web UI can be set to send cookies, for an authenticating proxy before this server.
    .setHeader('Access-Control-Allow-Credentials', 'true')
    .setHeader('Access-Control-Max-Age', '600');
}

function isForLoopback({ headers }: IncomingMessage): boolean {
  const url = `http://${headers.host ?? ''}`;
  return URL.canParse(url) && isLoopback(new URL(url));
}

/** Without the query, in which the Web UI has options of its own. */
function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?')[0] as string;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_BODY) throw new Refused(413, `The body is longer than ${LONGEST_BODY} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
