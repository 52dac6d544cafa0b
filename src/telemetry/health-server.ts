import { once } from 'node:events';
import { createServer } from 'node:http';
import { readAddress } from './addresses.ts';
import type { Health } from './health.ts';

/**
 * Answers probes: `/livez` while the process can answer at all, `/readyz` when it can do its work, both with what is the
 * matter as JSON.
 *
 * @param address as in the configuration
 * @throws Error when nobody can listen there
 */
export async function serveHealth(address: string, health: Pick<Health, 'checks'>): Promise<{ close(): void }> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify(body, undefined, 2)}\n`);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, { error: 'GET only' });
    if (request.url === '/livez') return answer(200, { ok: true });
    if (request.url !== '/readyz') return answer(404, { error: '/livez and /readyz only' });
    void health.checks().then((checks) => {
      const ok = checks.every((check) => check.ok);
      answer(ok ? 200 : 503, { ok, checks });
    });
  });
  const { host, port } = readAddress(address) ?? { host: address, port: 0 };
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(`health: nobody can listen at ${address} (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
  // Probes must not keep a worker that has ended.
  server.unref();
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
