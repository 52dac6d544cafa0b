import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { createAuthServer, startSampleServer } from '../../dev/sample-server/index.ts';
import type { TemporalServer } from '../../src/temporal-server/server.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { Config } from '../../src/config.ts';
import type { ExportReport } from '../../src/contract.ts';
import { createWorkers } from '../../src/create-workers.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { TestKey } from '../support/keys.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import { SHORT_LIMITS } from '../support/short-limits.ts';
import { failureOf, serverEntry } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';
import type { Row } from './kill-points.ts';
import { ROWS } from './kill-points.ts';

/** Rows that run at once: each waits for a heartbeat timeout of 10 s and does little besides. */
const AT_ONCE = 10;

interface Outcome {
  server: SampleServer;
  kills: number;
  report?: ExportReport;
  code: string;
}

let temporal: TemporalServer;
let connection: Connection;
let native: NativeConnection;
let folder: string;
let key: TestKey;
let outcomes: Promise<Outcome>[];
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kill-points-'));
  key = await makeKey('ES384', 'key');
  temporal = await startTemporalServer({
    cli: inject('temporalCli'),
    ports: 'free',
    headless: true,
    extraArgs: ROWS.flatMap((_, index) => ['--namespace', `row-${index}`]),
  });
  connection = await Connection.connect({ address: temporal.address });
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  native = await NativeConnection.connect({ address: temporal.address });
  const free = Array.from({ length: AT_ONCE }, () => Promise.resolve() as Promise<unknown>);
  outcomes = ROWS.map((row, index) => {
    // A row begins when the one so many before it has ended.
    const outcome = (free[index % AT_ONCE] as Promise<unknown>).then(() => run(row, index));
    free[index % AT_ONCE] = outcome.catch(() => {});
    return outcome;
  });
  for (const outcome of outcomes) outcome.catch(() => {});
});
afterAll(async () => {
  await Promise.allSettled(outcomes);
  await Promise.all(closers.map((close) => close()));
  await connection.close();
  await native.close();
  await temporal.stop();
  await rm(folder, { recursive: true });
});

describe('invariant 9: what is done is recorded before it is reported', () => {
  test.each(ROWS.map((row, index) => [row.name, row, index] as const))(
    'killed when %s',
    { timeout: 180_000 },
    async (_, row, index) => {
      const { server, kills, report, code } = await (outcomes[index] as Promise<Outcome>);
      const of = (route: string): number => server.journal.filter((entry) => entry.route === route).length;
      const fetches = new Map<string, number>();
      for (const { route, url } of server.journal) {
        const path = url.split('?', 1)[0] as string;
        if (row.file !== undefined && !path.includes(row.file)) continue;
        if (route === 'file' || route === 'binary') fetches.set(path, (fetches.get(path) ?? 0) + 1);
      }
      const { kickOffs = 1, jobs = 1, deletes = 1, warnings = [], end = 'complete', cancel, second } = row;
      const downloads = end === 'complete';
      expect({
        kills,
        end: code,
        kickOffs: of('kickOff'),
        jobs: server.jobs().length,
        ...(downloads && second !== true ? { polls: of('status') + of('page') } : {}),
        fetches: Math.max(0, ...fetches.values()),
        deletes: of('delete'),
        ...(row.tokens === undefined ? {} : { tokens: of('token') }),
        warnings: report?.warnings.map(({ code }) => code) ?? [],
      }).toEqual({
        kills: row.kill.times ?? 1,
        end,
        kickOffs,
        jobs,
        ...(downloads && second !== true ? { polls: row.polls ?? (row.attachments === undefined ? 3 : 2) } : {}),
        fetches: downloads ? (row.fetches ?? row.attachments ?? 1) : 0,
        deletes,
        ...(row.tokens === undefined ? {} : { tokens: row.tokens }),
        warnings,
      });
      if (report !== undefined) await expectExactFiles(report.location, server);
      if (deletes > 0) expect(server.jobs().at(-1)?.state).toBe('deleted');
      if (cancel === true) expect(server.jobs()).toHaveLength(1);
    },
  );
});

async function run(row: Row, index: number): Promise<Outcome> {
  const own = join(folder, String(index));
  const authorization = createAuthServer({ jwks: { keys: [key.publicJwk] } });
  const server = await startSampleServer({
    patients: 8,
    linesPerFile: 30,
    pageSize: 4,
    pollsUntilReady: row.cancel === true ? 1000 : 1,
    retryAfter: '1',
    gzip: false,
    dataFolder: join(own, 'data'),
    authorization,
    requiresAccessToken: true,
  });
  closers.push(() => server.close());
  if (row.slow !== undefined) {
    // The file at which the worker is killed, which need not be the first that is asked for.
    const match = ({ url }: { url: string }): boolean => row.slow !== 'file' || url.includes('/Patient');
    server.faults.add({ route: row.slow, match, do: { kind: 'delay', ms: 5000 } });
  }
  if (row.linksExpire === true)
    server.faults.add({ route: 'file', skip: 2, do: { kind: 'expireFileUrls', status: 403 } });
  const exports = join(own, 'exports');
  const config: Config = {
    servers: {
      hospital: serverEntry(server.baseUrl, {
        maxConcurrentDownloads: 1,
        auth: {
          type: 'smart-backend',
          clientId: 'demo-client',
          privateKeyFile: await secretFile(own, 'key.json', key.privateJwk),
        },
      }),
    },
    destinations: { local: { type: 'directory', path: exports } },
    // The files of a worker that is killed are taken up sooner than after the usual 10 s.
    heartbeatSeconds: 5,
  };
  const namespace = `row-${index}`;
  const marker = join(own, 'kills');
  const client = new Client({ connection, namespace });
  const begin = (workflowId: string): Promise<StartedExport> =>
    startExport(
      client,
      {
        server: 'hospital',
        level: 'system',
        ...(row.attachments === undefined
          ? { parameters: { _type: ['Patient', 'Condition', 'Observation'] } }
          : { parameters: { _type: ['Patient', 'DocumentReference'] }, attachments: 'download' as const }),
        destination: { path: 'export' },
      },
      { workflowId },
    );
  const processes = { temporal, folder: own, config };

  if (row.second === true) {
    const stop = supervise(() => startWorkerProcess(processes, { TEMPORAL_NAMESPACE: namespace }));
    const earlier = await begin('earlier');
    await expect.poll(() => server.jobs().length, { timeout: 60_000 }).toBe(1);
    await earlier.cancel();
    await failureOf(earlier.result());
    await stop();
  }
  const toKill = { TEMPORAL_NAMESPACE: namespace, KILL_POINT: JSON.stringify(row.kill), KILL_MARKER: marker };
  const stop = supervise(() => startWorkerProcess(processes, toKill), {
    times: row.kill.times ?? 1,
    next: () => startWorkerHere(namespace, config),
  });
  try {
    const started = await begin('export');
    if (row.cancel === true) {
      await expect.poll(() => server.journal.some(({ route }) => route === 'status'), { timeout: 60_000 }).toBe(true);
      await started.cancel();
    }
    const ended = started.result().then(
      (report) => ({ report, code: report.status as string }),
      async () => ({ code: (await failureOf(started.result())).code }),
    );
    return { server, ...(await ended), kills: (await readFile(marker, 'utf8').catch(() => '')).length };
  } finally {
    await stop();
  }
}

interface Successor {
  /** Worker processes that are killed before it. */
  times: number;
  next(): Promise<() => Promise<void>>;
}

/** Keeps a worker running: the next one as soon as a process has ended. Gives how to end that. */
function supervise(start: () => ReturnType<typeof startWorkerProcess>, successor?: Successor): () => Promise<void> {
  const stopped = new AbortController();
  let current = start();
  const loop = (async (): Promise<(() => Promise<void>) | undefined> => {
    for (let killed = 0; ; current = start()) {
      const child = await current;
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      killed++;
      if (stopped.signal.aborted) return undefined;
      if (killed === successor?.times) return successor.next();
    }
  })();
  loop.catch(() => {});
  return async () => {
    stopped.abort();
    await killWorker(await current);
    await (
      await loop
    )?.();
  };
}

/** The worker that goes on, in this process: one of its own would only take its time to start. */
async function startWorkerHere(namespace: string, config: Config): Promise<() => Promise<void>> {
  const workers = await createWorkers({
    connection: native,
    namespace,
    config: { downloadThreads: 2, ...config },
    limits: SHORT_LIMITS,
    timeouts: { headers: 2000, body: 2000 },
  });
  const ended = workers.run();
  ended.catch(() => {});
  return async () => {
    workers.shutdown();
    await ended;
  };
}
