import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { S3Config } from '../../../src/storage/s3/s3-schema.ts';
import type { Folder, Part } from '../../../src/storage/folder.ts';
import { openS3 } from '../../../src/storage/s3/s3.ts';
import type { TestS3 } from '../../support/s3.ts';
import { startS3 } from '../../support/s3.ts';
import { listenOnLoopback } from '../../support/listen.ts';
import { StrictUploads } from './strict-uploads.ts';

/** Bytes of a piece: the least that S3 takes. */
export const PIECE = 5 * 1024 * 1024;

export let s3: TestS3;
export let proxy: Proxy;

/** Gives the tests of a describe an S3 endpoint that can fail. */
export function useFaultyEndpoint(): void {
  beforeAll(async () => {
    s3 = await startS3();
    proxy = await startProxy(s3.gateway.endpoint);
  });
  afterAll(async () => {
    await proxy.close();
    await s3.stop();
  });
  beforeEach(() => {
    proxy.seen.length = 0;
    proxy.answer = () => undefined;
  });
}

export function open(path: string, more: Partial<S3Config> = {}, maxPieces = 1000): Folder {
  return openS3(s3.destination({ endpoint: proxy.endpoint, ...more }), path, { pieceBytes: PIECE, maxPieces });
}

/** A part with so many bytes. */
export async function fill(folder: Folder, bytes: number): Promise<Part> {
  const part = await folder.openPart('1');
  await part.write([Buffer.alloc(bytes, 'x')]);
  return part;
}

interface Fault {
  status?: number;
  code?: string;
  /** The endpoint did what it was asked for. */
  after?: boolean;
  /** Bytes of the body after which the connection is closed. */
  cutAfter?: number;
  /** Bytes of the body after which nothing comes. */
  stallAfter?: number;
  /** Answered in place of an error. */
  body?: string;
  /** Headers that the answer has instead of its own. */
  headers?: Record<string, string>;
}

type Answer = Fault | undefined;

/**
 * Stands between the SDK and the gateway, which keeps the signatures valid, and answers in its place. Of uploads it asks
 * what the strictest storages do.
 */
interface Proxy {
  endpoint: string;
  /** Method and path of each request. */
  seen: string[];
  answer(seen: string, headers: IncomingMessage['headers']): Answer | Promise<Answer>;
  close(): Promise<void>;
}

async function startProxy(target: string): Promise<Proxy> {
  const strict = new StrictUploads();
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const seen = `${incoming.method} ${incoming.url}`;
    proxy.seen.push(seen);
    const end = /^POST .*uploadId=/.test(seen) ? await text(incoming) : undefined;
    const code = end === undefined ? undefined : strict.onEnd(incoming, end);
    const refusal = code ?? (/^PUT .*partNumber=/.test(seen) ? strict.onPiece(incoming) : undefined);
    const refused: Answer = refusal === undefined ? undefined : { status: 400, code: refusal };
    const fault = (await proxy.answer(seen, incoming.headers)) ?? refused;
    if (fault?.status !== undefined && fault.after !== true) {
      if (end === undefined) incoming.resume().on('end', () => refuse(outgoing, fault));
      else refuse(outgoing, fault);
      return;
    }
    const forwarded = request(
      new URL(incoming.url ?? '', target),
      { method: incoming.method, headers: incoming.headers },
      (answer) => {
        if (fault?.status !== undefined) {
          answer.resume().on('end', () => refuse(outgoing, fault));
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 500, { ...answer.headers, ...fault?.headers });
        const most = fault?.cutAfter ?? fault?.stallAfter;
        if (most === undefined) {
          answer.pipe(outgoing);
          return;
        }
        let left = most;
        answer.on('data', (chunk: Buffer) => {
          if (left > 0) outgoing.write(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0 && fault?.cutAfter !== undefined) outgoing.destroy();
        });
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    if (end === undefined) incoming.pipe(forwarded);
    else forwarded.end(end);
  };
  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  const port = await listenOnLoopback(server);
  const proxy: Proxy = {
    endpoint: `http://127.0.0.1:${port}`,
    seen: [],
    answer: () => undefined,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

function refuse(outgoing: ServerResponse, { status = 500, code = 'InternalError', body }: Fault): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml' });
  outgoing.end(body ?? `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
}
