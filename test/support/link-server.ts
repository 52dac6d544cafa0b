import { once } from 'node:events';
import { createServer } from 'node:http';
import { listenOnLoopback } from './listen.ts';

/** A file of the server. */
export interface LinkedFile {
  id: string;
  type: string;
  lines: number;
  /** The manifest says how many lines it has; default true. */
  counted?: boolean;
}

export interface LinkServerOptions {
  files: LinkedFile[];
  /** Where a link shows the file's id, besides the token that is new with every reading. Default: in the path. */
  shown?: 'path' | 'segment' | 'query' | 'nowhere';
  /** Milliseconds for which a link works; default: for ever. */
  life?: number;
  /** Query parameters that say when a link of this moment ends; default: nothing says it. */
  said?: (now: number) => Record<string, string>;
  /** Milliseconds that an answer to a request for a file takes. */
  delay?: number;
  /** Headers of the manifest. */
  headers?: () => Record<string, string>;
}

/** A request for a file as it was answered. */
export interface AskedFile {
  id: string;
  status: number;
  at: number;
  /** Milliseconds since the manifest was read that had the link. */
  age: number;
}

/** A FHIR server whose job is done at once, and whose manifest has new links whenever it is read. */
export interface LinkServer {
  origin: string;
  /** When the manifest was read. */
  readings: number[];
  asked: AskedFile[];
  deleted: number;
  /** Changes the list before it is sent, given how often it has been read before. */
  list: (files: LinkedFile[], readings: number) => LinkedFile[];
  /** Fields of the manifest besides `output`. */
  root: (readings: number) => Record<string, unknown>;
  /** Answers a request for the manifest otherwise than with it, given how often it has been asked for before. */
  refuse: (asked: number) => { status: number; body: string } | undefined;
  /** Answers a request for a file otherwise than with the file. */
  answer: (id: string) => { status: number; headers?: Record<string, string> } | undefined;
  /** From now on no link that has been given works. */
  endLinks(): void;
  content(id: string): string;
  close(): Promise<void>;
}

/** Real HTTP on loopback. A link that has ended is refused with 403, as object storages do. */
export async function startLinkServer(options: LinkServerOptions): Promise<LinkServer> {
  const { files, shown = 'path', life = Infinity, said = () => ({}), delay = 0 } = options;
  const links = new Map<string, { id: string; at: number }>();
  let tokens = 0;
  let asked = 0;

  function linkOf({ id }: LinkedFile): string {
    const token = `t${++tokens}`;
    const now = Date.now();
    links.set(token, { id, at: now });
    const path = { path: `files/${id}`, segment: `${token}/${id}`, query: 'get', nowhere: `get/${token}` }[shown];
    const query = new URLSearchParams({ ...(shown === 'query' ? { id } : {}), ...said(now), token });
    return `${server.origin}/${path}?${query.toString()}`;
  }

  const listener = createServer((request, response) => {
    const { method, url = '' } = request;
    const { pathname, searchParams } = new URL(url, server.origin);
    if (pathname.endsWith('/$export')) {
      response.writeHead(202, { 'content-location': `${server.origin}/status` }).end();
    } else if (pathname === '/status' && method === 'DELETE') {
      server.deleted++;
      response.writeHead(202).end();
    } else if (pathname === '/status') {
      const refusal = server.refuse(asked++);
      if (refusal !== undefined) return void response.writeHead(refusal.status).end(refusal.body);
      const before = server.readings.push(Date.now()) - 1;
      const output = server.list([...files], before).map((file) => ({
        type: file.type,
        url: linkOf(file),
        ...(file.counted === false ? {} : { count: file.lines }),
      }));
      const manifest = {
        transactionTime: '2026-01-01T00:00:00Z',
        request: 'x',
        requiresAccessToken: false,
        error: [],
        ...server.root(before),
        output,
      };
      response.writeHead(200, { 'content-type': 'application/json', ...options.headers?.() });
      response.end(JSON.stringify(manifest));
    } else {
      const link = links.get(searchParams.get('token') ?? '');
      const age = Date.now() - (link?.at ?? 0);
      const special = link === undefined ? undefined : server.answer(link.id);
      const status = special?.status ?? (link === undefined || age > life ? 403 : 200);
      server.asked.push({ id: link?.id ?? '', status, at: Date.now(), age });
      setTimeout(() => {
        const body = Buffer.from(status === 200 && link !== undefined ? server.content(link.id) : '');
        response.writeHead(status, {
          'content-type': 'application/fhir+ndjson',
          'content-length': body.length,
          ...(status === 200 ? { etag: `"${link?.id}"` } : {}),
          ...special?.headers,
        });
        response.end(body);
      }, delay);
    }
  });
  const port = await listenOnLoopback(listener);
  const server: LinkServer = {
    origin: `http://127.0.0.1:${port}`,
    readings: [],
    asked: [],
    deleted: 0,
    list: (all) => all,
    root: () => ({}),
    refuse: () => undefined,
    answer: () => undefined,
    endLinks() {
      links.clear();
    },
    content(id) {
      const { type, lines } = files.find((file) => file.id === id) as LinkedFile;
      return Array.from({ length: lines }, (_, line) => `{"resourceType":"${type}","id":"${id}-${line}"}\n`).join('');
    },
    async close() {
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
    },
  };
  return server;
}
