import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { noopMetricMeter } from '@temporalio/common';
import type { ActivityDeps } from '../../../src/activities/deps.ts';
import { Servers } from '../../../src/fhir-server/servers.ts';
import type { Config } from '../../../src/config.ts';
import type { Limits } from '../../../src/policy/limits.ts';
import { LIMITS } from '../../../src/policy/limits.ts';
import { HttpClient } from '../../../src/http/http-client.ts';
import type { Case } from '../case.ts';
import type { Evidence } from '../oracle/evidence.ts';
import { readFolder } from '../read-folder.ts';
import { FileHost } from '../server/files.ts';
import { HostileServer } from '../server/hostile-server.ts';
import type { Listener } from '../server/listener.ts';
import { startListener } from '../server/listener.ts';
import { SECRET_ENV, entryOf, requestOf } from '../setting.ts';
import { SkippingClock } from './clock.ts';
import type { Handle } from './run-simulated.ts';
import { runSimulated } from './run-simulated.ts';
import { WorkflowRuns } from './workflow-runs.ts';
import { WorkerMetrics } from '../../../src/telemetry/worker-metrics.ts';
import { NO_GATES } from '../../support/no-gates.ts';

const HOUR = 3_600_000;
/** As in production, but for outages, which would only be more of the same requests. */
const SIMULATED_LIMITS: Limits = { ...LIMITS, outage: 2 * HOUR };
/** Milliseconds without an answer or a byte; time that really passes. */
const STALL = 300;
/** Longer than any deadline, in milliseconds. */
const LONGEST = 40 * 24 * HOUR;
const MOST_ACTIVATIONS = 700;

/** Runs cases one after another, with real activities, HTTP and files, and time that is skipped. */
export class Simulator {
  readonly #listener: Listener;
  readonly #runs: WorkflowRuns;
  readonly #root: string;
  readonly #secret: string;
  #cases = 0;
  #latest: Promise<unknown> = Promise.resolve();

  private constructor(listener: Listener, runs: WorkflowRuns, root: string) {
    this.#listener = listener;
    this.#runs = runs;
    this.#root = root;
    this.#secret = process.env[SECRET_ENV] ??= randomBytes(12).toString('hex');
  }

  /** @param bundle path of the prebuilt workflow bundle */
  static async open(bundle: string): Promise<Simulator> {
    // In memory where that is possible: what is made durable need not reach a disk here.
    const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
    const root = await mkdtemp(join(parent, 'hostile-'));
    return new Simulator(await startListener(), await WorkflowRuns.open(bundle), root);
  }

  async close(): Promise<void> {
    await this.#listener.close();
    await this.#runs.close();
    await rm(this.#root, { recursive: true, force: true });
  }

  /** Waits for the case before: one that nobody waits for any more, because time was up, must not share the clock. */
  run(one: Case): Promise<Evidence> {
    const result = this.#latest.then(() => this.#run(one));
    this.#latest = result.catch(() => {});
    return result;
  }

  async #run(one: Case): Promise<Evidence> {
    const name = `case-${++this.#cases}`;
    const clock = new SkippingClock();
    clock.install();
    const startedAt = Date.now();
    const handle: Handle = {};
    const parts = join(this.#root, name, '.export/parts');
    const overtake = async (): Promise<void> => {
      const before = await readdir(parts).catch((): string[] => []);
      handle.overtake?.();
      // Until the other attempt has begun to take over what is there; it may have nothing to take over.
      for (let times = 0; times < 200; times++) {
        if ((await readdir(parts).catch((): string[] => [])).some((file) => !before.includes(file))) return;
      }
    };
    const server = new HostileServer(
      one,
      this.#listener,
      {
        passTime: (time) => clock.skip(time),
        ...(one.interventions.overtaken === true ? { beforeRange: overtake } : {}),
      },
      this.#secret,
    );
    const config: Config = {
      servers: { hostile: entryOf(one, server) },
      destinations: { local: { type: 'directory', path: this.#root } },
    };
    const clients: HttpClient[] = [];
    const workers = Array.from({ length: one.workers }, (): ActivityDeps => {
      const http = new HttpClient({ headers: STALL, body: STALL });
      clients.push(http);
      return {
        config,
        servers: new Servers(config, http),
        http,
        limits: SIMULATED_LIMITS,
        registeredSearchAttributes: async () => new Set<string>(),
        canChangeMemo: async () => true,
        isRunning: async () => false,
        gates: NO_GATES,
        metrics: new WorkerMetrics(noopMetricMeter),
      };
    });
    try {
      const { ending, history, poked, problems } = await runSimulated(
        {
          workers,
          slots: one.slots * one.workers,
          clock,
          runs: this.#runs,
          interventions: one.interventions,
          longest: LONGEST,
          mostActivations: MOST_ACTIVATIONS,
        },
        requestOf(one, 'hostile', name),
        name,
        this.#cases,
        handle,
      );
      return {
        case: one,
        ending,
        journal: server.journal,
        readings: server.readings,
        versions: one.files.map((_, index) => FileHost.versionsOf(one, index)),
        folder: await readFolder(join(this.#root, name)),
        history,
        poked,
        startedAt,
        endedAt: Date.now(),
        outage: SIMULATED_LIMITS.outage,
        problems,
        skipsTime: true,
      };
    } finally {
      server.close();
      clock.uninstall();
      await Promise.all(clients.map((client) => client.close()));
      await rm(join(this.#root, name), { recursive: true, force: true });
    }
  }
}
