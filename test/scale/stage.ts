import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import { lastLines, startWorker } from '../../dev/demo/worker-process.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import type { LightServer } from './light-server.ts';
import { startLightServer } from './light-server.ts';
import type { Shape } from './shape.ts';

/** Milliseconds between looks at the memory of the workers. */
const LOOK = 500;

/** A Temporal server, the light FHIR server, and workers as they run in production: processes of their own. */
export interface Stage {
  client: Client;
  fhir: LightServer;
  /** Megabytes of resident memory that the largest worker has had so far. */
  peakMemory(): number;
  close(): Promise<void>;
}

/**
 * @param cli path of the Temporal CLI
 * @param servers shapes of the exports of each configured server
 */
export async function openStage(cli: string, servers: Record<string, Shape>, workers: number): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'bulk-export-scale-'));
  const temporal = await startTemporalServer({ cli, ports: 'free', headless: true });
  const connection = await Connection.connect({ address: temporal.address });
  const fhir = await startLightServer();
  const configFile = join(folder, 'fhir-bulk-export.yaml');
  await writeFile(configFile, stringify(configOf(fhir, servers, join(folder, 'exports'))));
  const env = { ...process.env, TEMPORAL_ADDRESS: temporal.address, BULK_EXPORT_CONFIG: configFile, LOG_LEVEL: 'warn' };
  const log = join(folder, 'workers.log');
  const processes = Array.from({ length: workers }, () => startWorker(env, log));
  let peak = 0;
  const looking = setInterval(() => {
    for (const { pid } of processes) {
      void megabytesOf(pid).then((megabytes) => {
        peak = Math.max(peak, megabytes);
      });
    }
  }, LOOK);
  let closing = false;
  for (const { exited } of processes) {
    void exited.then(async (how) => {
      if (!closing) console.error(`a worker ended (${how}):\n${await lastLines(log)}`);
    });
  }
  return {
    client: new Client({ connection }),
    fhir,
    peakMemory: () => peak,
    close: async () => {
      closing = true;
      clearInterval(looking);
      await Promise.all(processes.map((worker) => worker.stop()));
      await connection.close();
      await temporal.stop();
      await fhir.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configOf(fhir: LightServer, servers: Record<string, Shape>, path: string): object {
  const entries = Object.entries(servers).map(([name, shape]) => [
    name,
    { baseUrl: fhir.baseUrl(shape), auth: { type: 'none' }, kickOffMethod: 'get' },
  ]);
  return {
    servers: Object.fromEntries(entries),
    destinations: { local: { type: 'directory', path } },
  };
}

/** Resident memory of a process; 0 when it has ended. */
async function megabytesOf(pid: number): Promise<number> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
    return Number(stdout) / 1024;
  } catch {
    return 0;
  }
}
