import { createServer } from 'node:http';
import type { Shape } from './shape.ts';
import { ERROR_FILE, folderOf, makeFile, makePage, shapeOf } from './shape.ts';
import { listenOnLoopback } from '../support/listen.ts';

/** A FHIR server whose exports are made up while they are asked for, so that they may be of any size. */
export interface LightServer {
  /** Base URL of a server whose exports have this shape; those of a Group have the shape after which it is named. */
  baseUrl(shape: Shape): string;
  /** Kick-offs and DELETEs so far. */
  readonly counts: { kickOff: number; delete: number };
  close(): Promise<void>;
}

export async function startLightServer(): Promise<LightServer> {
  const counts = { kickOff: 0, delete: 0 };
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', origin());
    const [, named = '', ...path] = pathname.split('/');
    const [folder, what = '', place = ''] = path[0] === 'Group' ? [path[1] ?? '', path[2]] : [named, ...path];
    const shape = shapeOf(folder);
    const base = `${origin()}/${folder}`;
    const answer = (status: number, body = '', headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
    };
    request.resume();
    if (shape === undefined) answer(404);
    else if (what === '$export') {
      counts.kickOff++;
      answer(202, '', { 'content-location': `${base}/status`, 'retry-after': '1' });
    } else if (what === 'status' && request.method === 'DELETE') {
      counts.delete++;
      answer(202);
    } else if (what === 'status') {
      const page = JSON.stringify(makePage(shape, Number(searchParams.get('page') ?? 1), base));
      answer(200, page, { 'content-type': 'application/json' });
    } else if (what === 'files') answer(200, makeFile(shape, Number(place)).content, NDJSON);
    else if (what === 'error') answer(200, ERROR_FILE, NDJSON);
    else answer(404);
  });
  const origin = (): string => `http://127.0.0.1:${port}`;
  const port = await listenOnLoopback(server);
  return {
    baseUrl: (shape) => `${origin()}/${folderOf(shape)}`,
    counts,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const NDJSON = { 'content-type': 'application/fhir+ndjson' };
