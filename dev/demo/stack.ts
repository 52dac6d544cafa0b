import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'yaml';

import { parseConfig } from '../../src/config.ts';
import type { AuthServer, SampleServer } from '../sample-server/index.ts';
import { startTemporalServer, type TemporalServer } from '../../src/temporal-server/server.ts';
import type { DemoArguments } from './arguments.ts';
import { startHospital } from './hospital.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** Name of the FHIR server in the demo's configuration. */
export const serverName = 'hospital';

/** The processes and servers of the demo. */
export interface DemoStack {
  /** Path of the Temporal CLI. */
  cli: string;
  temporal: TemporalServer;
  client: Client;
  /** The sample server, in this process; undefined with a FHIR server of the user's own. */
  sample: SampleServer | undefined;
  /** Its authorization server. */
  authServer: AuthServer | undefined;
  fhirUrl: string;
  /** Environment in which the CLI and the workers reach this Temporal server, and no other. */
  env: NodeJS.ProcessEnv;
  workerLog: string;
  startWorker(): WorkerProcess;
  /** Stops everything and removes the temporary folder; exported files stay. */
  close(): Promise<void>;
}

/**
 * Starts everything but the worker.
 *
 * @throws Error when a server does not start, and for a wrong `--server`
 */
export async function startStack(args: DemoArguments, cli: string): Promise<DemoStack> {
  const folder = await mkdtemp(join(tmpdir(), 'fhir-bulk-export-demo-'));
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const workers: WorkerProcess[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const hospital = args.server === undefined ? await startHospital(args.patients, folder) : undefined;
    if (hospital !== undefined) closers.push(() => hospital.server.close());
    const fhirUrl = args.server ?? hospital?.server.baseUrl ?? '';
    const config = await writeConfig(folder, fhirUrl, hospital?.auth ?? { type: 'none' }, args.output);

    const temporal = await startTemporalServer({ cli, ports: 'free', dbFilename: join(folder, 'temporal.db') });
    closers.push(() => temporal.stop());
    const connection = await Connection.connect({ address: temporal.address });
    closers.push(() => connection.close());

    const env = await environment(folder, temporal.address, config);
    const workerLog = join(folder, 'worker.log');
    return {
      cli,
      temporal,
      client: new Client({ connection }),
      sample: hospital?.server,
      authServer: hospital?.authServer,
      fhirUrl,
      env,
      workerLog,
      startWorker: () => {
        const worker = startWorker(env, workerLog);
        workers.push(worker);
        return worker;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Writes the configuration. Checks it here, so that a wrong URL fails before anything starts. */
async function writeConfig(folder: string, baseUrl: string, auth: object, output: string): Promise<string> {
  const file = join(folder, 'fhir-bulk-export.yaml');
  const text = stringify({
    servers: { [serverName]: { baseUrl, auth, maxConcurrentDownloads: 5 } },
    destinations: { local: { type: 'directory', path: output } },
  });
  try {
    parseConfig(text, file);
  } catch (error) {
    const fault = /baseUrl: (.*)/.exec((error as Error).message)?.[1];
    throw fault === undefined ? error : new Error(`--server ${fault}`, { cause: error });
  }
  await writeFile(file, text);
  return file;
}

/** Without the user's own Temporal settings, which may point to another server. */
async function environment(folder: string, address: string, config: string): Promise<NodeJS.ProcessEnv> {
  const profiles = join(folder, 'temporal.toml');
  await writeFile(profiles, '[profile.default]\n');
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return {
    ...Object.fromEntries(own),
    TEMPORAL_ADDRESS: address,
    TEMPORAL_CONFIG_FILE: profiles,
    BULK_EXPORT_CONFIG: config,
  };
}
