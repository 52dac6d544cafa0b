import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { SampleServer } from '../../dev/sample-server/index.ts';
import { createAuthServer, startSampleServer } from '../../dev/sample-server/index.ts';
import type { TemporalServer } from '../../dev/temporal/server.ts';
import { startTemporalServer } from '../../dev/temporal/server.ts';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { Config } from '../../src/config.ts';
import type { ExportReport } from '../../src/contract.ts';
import { expectExactFiles } from '../support/exported-files.ts';
import type { TestKey } from '../support/keys.ts';
import { makeKey, secretFile } from '../support/keys.ts';
import type { KillPoint } from '../support/kill-point.ts';
import { failureOf, serverEntry } from '../support/stack.ts';
import { killWorker, startWorkerProcess } from '../support/worker-processes.ts';

/** A point at which the worker process is killed, and what comes of it. */
interface Row {
  /** When. */
  name: string;
  kill: KillPoint;
  /** Requests that the FHIR server saw, in all; most for one file. */
  kickOffs?: number;
  jobs?: number;
  /** Reads of the status URL and of manifest pages; without a kill "in progress" and two pages. */
  polls?: number;
  fetches?: number;
  /** Only requests for this file are counted: the next one was on its way, and is fetched again. */
  file?: string;
  deletes?: number;
  tokens?: number;
  warnings?: string[];
  /** `complete`, or the code of the failure. Default `complete`. */
  end?: string;
  /** The server thinks for a while before it answers the first of these. */
  slow?: 'kickOff' | 'file';
  /** Links expire at the third file. */
  linksExpire?: boolean;
  /** The export is cancelled while it waits for the server. */
  cancel?: boolean;
  /** With attachments, which are in one page of files; most requests for one of them, without a kill 1. */
  attachments?: number;
  /** An earlier run in the same folder was cancelled, so that its job is gone. */
  second?: boolean;
}

const ORPHAN = ['PossibleOrphanJob'];
const job = (nth: number, when: 'before' | 'after' = 'after'): KillPoint => ({
  on: 'named',
  what: 'job\\.json$',
  nth,
  when,
});
const named = (what: string, when: 'before' | 'after', nth = 1): KillPoint => ({ on: 'named', what, when, nth });
const done = (activity: string, nth = 1): KillPoint => ({ on: 'done', what: `^${activity}$`, nth });
const KICK_OFF = '^GET /fhir/\\$export';

// One row for each step, before and after its effect. Every row that says nothing else: one kick-off, one job, every
// file fetched once, one DELETE, no warning, complete.
const ROWS: Row[] = [
  { name: 'the mark is not written', kill: named('export\\.json$', 'before') },
  { name: 'the mark is written, not reported', kill: done('openExport') },
  // Each worker has a token of its own; the second mints one for the epoch that it is told.
  { name: 'the token is minted, not reported', kill: done('refreshToken'), tokens: 2 },
  { name: 'the kick-off is not yet intended', kill: job(1) },
  { name: 'the kick-off is intended, not sent', kill: job(2), warnings: ORPHAN },
  {
    name: 'the kick-off is sent, its answer has not come',
    kill: { on: 'sent', what: KICK_OFF },
    slow: 'kickOff',
    kickOffs: 2,
    jobs: 2,
    warnings: ORPHAN,
  },
  {
    name: 'the answer to the kick-off has come, it is not recorded',
    kill: { on: 'answered', what: KICK_OFF },
    kickOffs: 2,
    jobs: 2,
    warnings: ORPHAN,
  },
  {
    name: 'the same, twice',
    kill: { on: 'answered', what: KICK_OFF, times: 2 },
    kickOffs: 2,
    jobs: 2,
    deletes: 0,
    end: 'KickOffUnknown',
  },
  { name: 'the status URL is recorded, not reported', kill: job(3) },
  { name: 'the kick-off is done, not reported', kill: done('kickOff') },
  {
    name: '"in progress" has come, it is not reported',
    kill: { on: 'answered', what: '^GET /fhir/export-status' },
  },
  { name: 'a manifest page is stored, its description is not', kill: named('pages/00001\\.json$', 'before'), polls: 4 },
  {
    name: 'the first manifest page is stored, the second is not asked for',
    kill: named('pages/00001\\.json$', 'after'),
  },
  { name: 'all pages are stored, not listed', kill: named('entries/summary\\.json$', 'before') },
  { name: 'the manifest is read, not reported', kill: done('pollStatus', 2) },
  { name: 'the plan is made, not reported', kill: done('planDownloads') },
  {
    name: 'a file is asked for, nothing has come',
    kill: { on: 'sent', what: '^GET /files/[^/]+/Patient' },
    slow: 'file',
    fetches: 2,
  },
  { name: 'a file has come, it has no name yet', kill: named('/Patient\\.00001\\.ndjson$', 'before'), fetches: 2 },
  {
    name: 'a file has its name, there is no receipt',
    kill: named('/Patient\\.00001\\.ndjson$', 'after'),
    file: 'Patient',
  },
  { name: 'the receipt is written, the batch is not reported', kill: named('receipts/00000/[^/]+\\.json$', 'after') },
  { name: 'a batch is done, not reported', kill: done('downloadFiles') },
  {
    name: 'fresh links are stored, not reported',
    kill: done('refreshManifest'),
    linksExpire: true,
    fetches: 2,
    polls: 5,
  },
  { name: 'attachments are found, not listed', kill: named('attachments/\\d+\\.ndjson$', 'after'), attachments: 1 },
  { name: 'attachments are listed, not reported', kill: done('findAttachments'), attachments: 1 },
  {
    name: 'an attachment has come, it has no name yet',
    kill: named('/attachments/[0-9a-f]{64}$', 'before'),
    attachments: 2,
  },
  { name: 'a batch of attachments is done, not reported', kill: done('downloadFiles', 3), attachments: 1 },
  { name: 'the index of attachments is not there', kill: named('attachments/index', 'before'), attachments: 1 },
  { name: 'the report is written, manifest.json is not there', kill: named('/manifest\\.json$', 'before') },
  { name: 'manifest.json is there, nothing is tidied up', kill: named('/manifest\\.json$', 'after') },
  { name: 'settled, not reported', kill: done('settleExport') },
  { name: 'DELETE is answered, it is not recorded', kill: { on: 'answered', what: '^DELETE ' }, deletes: 2 },
  { name: 'DELETE is recorded, not reported', kill: done('deleteJob') },
  {
    name: 'cancelled, DELETE is answered, it is not recorded',
    kill: { on: 'answered', what: '^DELETE ' },
    cancel: true,
    deletes: 2,
    end: 'Cancelled',
  },
  {
    name: 'the folder of an earlier job is being cleared',
    kill: job(1),
    second: true,
    kickOffs: 2,
    jobs: 2,
    deletes: 2,
    warnings: ['JobRestarted'],
  },
];

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
  await temporal.stop();
  await rm(folder, { recursive: true });
});

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
  const stop = supervise(() =>
    startWorkerProcess(processes, {
      TEMPORAL_NAMESPACE: namespace,
      KILL_POINT: JSON.stringify(row.kill),
      KILL_MARKER: marker,
    }),
  );
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

/** Keeps one worker process running: another one as soon as it has ended. Gives how to end that. */
function supervise(start: () => ReturnType<typeof startWorkerProcess>): () => Promise<void> {
  const stopped = new AbortController();
  let current = start();
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const child = await current;
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      if (!stopped.signal.aborted) current = start();
    }
  })();
  return async () => {
    stopped.abort();
    await killWorker(await current);
    await loop;
  };
}
