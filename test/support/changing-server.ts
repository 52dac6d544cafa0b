import { once } from 'node:events';
import { createServer } from 'node:http';
import { listenOnLoopback } from './listen.ts';

/**
 * What goes wrong with one export of a {@link ChangingServer}. `issues`: every second resource is left out, and the server
 * says so. `lostFile`: the file of data is listed and is not there.
 */
export type Trouble =
  'none' | 'issues' | 'rejected' | 'lostFile' | 'noTime' | 'oddTime' | 'timeAhead' | 'timeBack' | 'down';

/** A resource has got a new version, or was deleted. */
export interface Change {
  /** Milliseconds since the epoch; also the version. */
  at: number;
  id: string;
  isDeletion: boolean;
}

/** An export as it was asked for and answered. */
export interface Asked {
  since: string | undefined;
  /** The transactionTime, unless that is the trouble. */
  time: string;
  trouble: Trouble;
}

/** A FHIR server that knows which version of a resource there is at any time. */
export interface ChangingServer {
  origin: string;
  /** By time. */
  changes: Change[];
  /** Its time, milliseconds since the epoch; undefined: that of this process. */
  now: number | undefined;
  /** What happens to an export that is kicked off at this time. */
  trouble: (now: number) => Trouble;
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

/** Real HTTP on loopback. */
export async function startChangingServer(): Promise<ChangingServer> {
  const jobs: Job[] = [];
  const listener = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', server.origin);
    const job = jobs[Number(searchParams.get('job'))];
    if (pathname.endsWith('/$export')) {
      const now = server.now ?? Date.now();
      const trouble = server.trouble(now);
      if (trouble === 'down') return void response.writeHead(503, { 'retry-after': '3600' }).end();
      const since = searchParams.get('_since') ?? undefined;
      server.asked.push({ since, time: new Date(now).toISOString(), trouble });
      if (trouble === 'rejected') return void response.writeHead(400).end();
      jobs.push({ since: since === undefined ? -Infinity : Date.parse(since), time: now, trouble });
      response.writeHead(202, { 'content-location': `${server.origin}/status?job=${jobs.length - 1}` }).end();
    } else if (job === undefined || request.method === 'DELETE') {
      response.writeHead(job === undefined ? 404 : 202).end();
    } else if (pathname === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(manifest(server.origin, jobs.indexOf(job), job)));
    } else if (pathname === '/errors') {
      send([{ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'processing' }] }]);
    } else if (pathname === '/file' && job.trouble === 'lostFile' && server.lost) {
      // One file. Of two, the one would come while the timer of the other ends; a workflow that cancels it then gets no
      // further task of Temporal's test server, which refuses what the real one accepts (sdk-java, 3088).
      response.writeHead(410).end();
    } else {
      const { data, deleted } = found(server.changes, job);
      send(pathname === '/deleted' ? deleted.map(deletion) : data.map(resource));
    }
    function send(lines: object[]): void {
      const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      response.writeHead(200, { 'content-type': 'application/fhir+ndjson', 'content-length': Buffer.byteLength(body) });
      response.end(body);
    }
  });
  const port = await listenOnLoopback(listener);
  const server: ChangingServer = {
    origin: `http://127.0.0.1:${port}`,
    changes: [],
    now: undefined,
    trouble: () => 'none',
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

/** The latest change of each resource up to a time. */
export function latestChanges(changes: readonly Change[], time: number): Map<string, Change> {
  return new Map(changes.filter(({ at }) => at <= time).map((change) => [change.id, change]));
}

function found(changes: readonly Change[], { since, time, trouble }: Job): { data: Change[]; deleted: Change[] } {
  const changed = [...latestChanges(changes, time).values()].filter(({ at }) => at > since);
  const told = trouble === 'issues' ? changed.filter((_change, place) => place % 2 === 0) : changed;
  return {
    data: told.filter(({ isDeletion }) => !isDeletion),
    deleted: told.filter(({ isDeletion }) => isDeletion),
  };
}

function resource({ id, at }: Change): object {
  return { resourceType: 'Basic', id, meta: { versionId: String(at) } };
}

function deletion({ id }: Change): object {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [{ request: { method: 'DELETE', url: `Basic/${id}` } }],
  };
}

function manifest(origin: string, number: number, { since, time, trouble }: Job): object {
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
    deleted: since === -Infinity ? [] : [{ type: 'Bundle', url: `${origin}/deleted?job=${number}` }],
    error: trouble === 'issues' ? [{ type: 'OperationOutcome', url: `${origin}/errors?job=${number}` }] : [],
  };
}
