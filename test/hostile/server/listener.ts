import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { listenOnLoopback } from '../../support/listen.ts';

/** Answers the requests of one case. */
export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** One HTTP server on loopback for any number of cases, each under a path of its own. */
export interface Listener {
  origin: string;
  /** @returns path under which the handler is asked */
  add(handler: Handler): string;
  remove(path: string): void;
  close(): Promise<void>;
}

export async function startListener(): Promise<Listener> {
  const handlers = new Map<string, Handler>();
  let cases = 0;
  const server = createServer((request, response) => {
    void (async () => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const handler = handlers.get(/^\/c\d+/.exec(request.url ?? '')?.[0] ?? '');
      if (handler === undefined) response.writeHead(404).end();
      else handler(request, response, body);
    })().catch(() => response.destroy());
  });
  // A client that goes away is part of the game.
  server.on('clientError', (_error, socket) => socket.destroy());
  const port = await listenOnLoopback(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    add: (handler) => {
      const path = `/c${++cases}`;
      handlers.set(path, handler);
      return path;
    },
    remove: (path) => handlers.delete(path),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
