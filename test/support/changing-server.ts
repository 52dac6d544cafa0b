import { once } from 'node:events';
import { createServer } from 'node:http';
import { listenOnLoopback } from './listen.ts';

/** What goes wrong with one export of a {@link ChangingServer}. */
export type Trouble =
  'none' | 'issues' | 'rejected' | 'lostFile' | 'noTime' | 'oddTime' | 'timeAhead' | 'timeBack' | 'down';

/** An export as it was asked for and answered. */
export interface Asked {
  since: string | undefined;
  trouble: Trouble;
}

/** A FHIR server with one resource for each moment at which something changed. */
export interface ChangingServer {
  origin: string;
  /** Times of all changes, milliseconds since the epoch, rising. */
  changes: number[];
  /** Its time: milliseconds since the epoch. */
  now: number;
  /** What happens to the next export. */
  trouble: Trouble;
  /** A `lostFile` is lost. */
  lost: boolean;
  asked: Asked[];
  close(): Promise<void>;
}

interface Job {
  since: number;
  time: number;
  trouble: Trouble;
}

const DAY = 24 * 60 * 60 * 1000;

/** Real HTTP on loopback; its time stands still until it is set. */
export async function startChangingServer(): Promise<ChangingServer> {
  const jobs: Job[] = [];
  const listener = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', server.origin);
    const { now, trouble } = server;
    const job = jobs[Number(searchParams.get('job'))];
    if (pathname.endsWith('/$export')) {
      const since = searchParams.get('_since') ?? undefined;
      if (trouble === 'down') return void response.writeHead(503, { 'retry-after': '3600' }).end();
      server.asked.push({ since, trouble });
      if (trouble === 'rejected') return void response.writeHead(400).end();
      jobs.push({ since: since === undefined ? -Infinity : Date.parse(since), time: now, trouble });
      response.writeHead(202, { 'content-location': `${server.origin}/status?job=${jobs.length - 1}` }).end();
    } else if (job === undefined || request.method === 'DELETE') {
      response.writeHead(job === undefined ? 404 : 202).end();
    } else if (pathname === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(manifest(server.origin, jobs.indexOf(job), job)));
    } else if (pathname === '/errors') {
      send('{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing"}]}\n');
    } else if (job.trouble === 'lostFile' && server.lost) {
      response.writeHead(410).end();
    } else {
      const found = server.changes.filter((at) => at > job.since && at <= job.time);
      send(found.map((at) => `${JSON.stringify({ resourceType: 'Basic', id: String(at) })}\n`).join(''));
    }
    function send(body: string): void {
      response.writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    }
  });
  const port = await listenOnLoopback(listener);
  const server: ChangingServer = {
    origin: `http://127.0.0.1:${port}`,
    changes: [],
    now: 0,
    trouble: 'none',
    lost: true,
    asked: [],
    async close() {
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
    },
  };
  return server;
}

function manifest(origin: string, number: number, { time, trouble }: Job): object {
  const TIMES: Partial<Record<Trouble, string>> = {
    noTime: '',
    oddTime: new Date(time).toISOString().slice(0, 19),
    // By the true clock: this server's may be in the past.
    timeAhead: new Date(Date.now() + DAY).toISOString(),
    timeBack: new Date(time - 3 * DAY).toISOString(),
  };
  return {
    transactionTime: TIMES[trouble] ?? new Date(time).toISOString(),
    request: `${origin}/$export`,
    requiresAccessToken: false,
    output: [{ type: 'Basic', url: `${origin}/file?job=${number}` }],
    error: trouble === 'issues' ? [{ type: 'OperationOutcome', url: `${origin}/errors?job=${number}` }] : [],
  };
}
