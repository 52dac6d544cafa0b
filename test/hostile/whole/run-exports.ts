import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { TemporalServer } from '../../../src/temporal-server/server.ts';
import { startTemporalServer } from '../../../src/temporal-server/server.ts';
import type { StartedExport } from '../../../src/client.ts';
import { startExport } from '../../../src/client.ts';
import type { Limits } from '../../../src/policy/limits.ts';
import { createWorkers } from '../../../src/create-workers.ts';
import { runsOf } from '../../support/runs.ts';
import { SHORT_LIMITS } from '../../support/short-limits.ts';
import { failureOf, quiet } from '../../support/stack.ts';
import type { Case } from '../case.ts';
import type { Ending } from '../ending.ts';
import type { Evidence } from '../oracle/evidence.ts';
import { readFolder } from '../read-folder.ts';
import { readable } from '../readable.ts';
import { FileHost } from '../server/files.ts';
import { HostileServer } from '../server/hostile-server.ts';
import type { Listener } from '../server/listener.ts';
import { startListener } from '../server/listener.ts';
import { SECRET_ENV, entryOf, requestOf } from '../setting.ts';

/** Short, but not so short that a busy machine alone would reach them. */
const EXPORT_LIMITS: Limits = { ...SHORT_LIMITS, outage: 10_000, tokenEndpoint: 10_000, file: 10_000, unusable: 8000 };
const DEADLINE = 60_000;
/** Milliseconds in which an export has ended, its deadline and its clean-up included. */
const BOUND = DEADLINE + 20_000;
const STALL = 1500;
/** Milliseconds between the steps at which an export may be cancelled. */
const STEP = 60;

/** Runs cases as whole exports, several at once: a real Temporal server, real workers, real time. */
export class ExportBench {
  readonly #temporal: TemporalServer;
  readonly #connection: Connection;
  readonly #listener: Listener;
  readonly #root: string;
  readonly #bundle: string;
  readonly #secret: string;
  #cases = 0;

  private constructor(
    temporal: TemporalServer,
    connection: Connection,
    listener: Listener,
    root: string,
    bundle: string,
  ) {
    this.#temporal = temporal;
    this.#connection = connection;
    this.#listener = listener;
    this.#root = root;
    this.#bundle = bundle;
    this.#secret = process.env[SECRET_ENV] ??= randomBytes(12).toString('hex');
  }

  /**
   * @param cli path of the Temporal CLI
   * @param bundle path of the prebuilt workflow bundle
   */
  static async open(cli: string, bundle: string): Promise<ExportBench> {
    quiet();
    const temporal = await startTemporalServer({ cli, ports: 'free', headless: true });
    const connection = await Connection.connect({ address: temporal.address });
    const root = await mkdtemp(join(tmpdir(), 'hostile-exports-'));
    return new ExportBench(temporal, connection, await startListener(), root, bundle);
  }

  async close(): Promise<void> {
    await this.#connection.close();
    await this.#temporal.stop();
    await this.#listener.close();
    await rm(this.#root, { recursive: true, force: true });
  }

  /** Runs cases at once, each with a server of its own. */
  async run(cases: readonly Case[]): Promise<Evidence[]> {
    const lanes = cases.map((one) => {
      const server = new HostileServer(one, this.#listener, { passTime: () => {} }, this.#secret);
      return { one, server, name: `case-${++this.#cases}` };
    });
    const taskQueue = `hostile-${this.#cases}`;
    const connection = await NativeConnection.connect({ address: this.#temporal.address });
    const workers = await createWorkers({
      connection,
      taskQueue,
      config: {
        servers: Object.fromEntries(lanes.map(({ one, server, name }) => [name, entryOf(one, server)])),
        destinations: { local: { type: 'directory', path: this.#root } },
      },
      workflowBundle: { codePath: this.#bundle },
      limits: EXPORT_LIMITS,
      timeouts: { headers: STALL, body: STALL },
    });
    const ended = workers.run();
    try {
      return await Promise.all(lanes.map(({ one, server, name }) => this.#runOne(one, server, name, taskQueue)));
    } finally {
      workers.shutdown();
      await ended;
      await connection.close();
      for (const { server } of lanes) server.close();
    }
  }

  async #runOne(one: Case, server: HostileServer, name: string, taskQueue: string): Promise<Evidence> {
    const client = new Client({ connection: this.#connection });
    const startedAt = Date.now();
    const request = { ...requestOf(one, name, name), deadline: `PT${DEADLINE / 1000}S` };
    const started = await startExport(client, request, { workflowId: name, taskQueue });
    const { cancelAt } = one.interventions;
    const cancelling =
      cancelAt === undefined
        ? undefined
        : sleep(cancelAt * STEP)
            .then(() => started.cancel())
            .catch(() => {});
    const ending = await endingOf(started);
    await cancelling;
    const endedAt = Date.now();
    const runs = await runsOf(client, name);
    const folder = join(this.#root, name);
    const evidence: Evidence = {
      case: one,
      ending,
      journal: server.journal,
      readings: server.readings,
      versions: one.files.map((_, index) => FileHost.versionsOf(one, index)),
      folder: await readFolder(folder),
      history: runs.flat().map((event) => JSON.stringify(event, readable)),
      poked: [],
      startedAt,
      endedAt,
      outage: EXPORT_LIMITS.outage,
      problems: failedTasks(runs),
      skipsTime: false,
    };
    await rm(folder, { recursive: true, force: true });
    return evidence;
  }
}

async function endingOf(started: StartedExport): Promise<Ending> {
  const result = started.result();
  const bound = new AbortController();
  const late = sleep(BOUND, 'late' as const, { signal: bound.signal }).catch(() => 'late' as const);
  const first = await Promise.race([
    result.then(
      (report) => ({ report }),
      () => undefined,
    ),
    late,
  ]);
  bound.abort();
  if (first === 'late') {
    await started.handle.terminate('it does not end');
    await result.catch(() => {});
    return { kind: 'endless', why: `it runs after ${BOUND} ms` };
  }
  if (first !== undefined) return { kind: 'complete', report: first.report };
  const { code, message } = await failureOf(result);
  return code === 'Cancelled' ? { kind: 'cancelled' } : { kind: 'failed', code, message };
}

/** A workflow task that fails is a defect, even when the next attempt passes. */
function failedTasks(runs: Awaited<ReturnType<typeof runsOf>>): string[] {
  return runs
    .flat()
    .flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
      failed == null ? [] : [`a workflow task failed: ${failed.failure?.message ?? ''}`],
    );
}
