import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'yaml';

import { parseConfig } from '../../src/config.ts';
import { startSampleServer, type SampleServer } from '../sample-server/index.ts';
import { startTemporalServer, type TemporalServer } from '../temporal/server.ts';
import type { DemoArguments } from './arguments.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** Name of the FHIR server in the demo's configuration. */
export const serverName = 'hospital';

/** Bytes per second and download: slow enough to be seen and to be killed in the middle. */
const downloadSpeed = 250_000;

/** All that runs for the demo. */
export interface DemoStack {
  /** Path of the Temporal CLI. */
  cli: string;
  temporal: TemporalServer;
  client: Client;
  /** The sample server; undefined with a FHIR server of the user's own. It runs in this process. */
  sample?: SampleServer;
  fhirUrl: string;
  /** Environment in which the CLI and the workers reach this Temporal server, and no other. */
  env: NodeJS.ProcessEnv;
  workerLog: string;
  startWorker(): WorkerProcess;
  /** Stops all of it and removes the temporary folder; exported files stay. */
  close(): Promise<void>;
}

/** Starts everything but the worker. */
export async function startStack(args: DemoArguments, cli: string): Promise<DemoStack> {
  const folder = await mkdtemp(join(tmpdir(), 'fhir-bulk-export-demo-'));
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const workers: WorkerProcess[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const sample = args.server === undefined ? await startHospital(args.patients, folder) : undefined;
    if (sample !== undefined) closers.push(() => sample.close());
    const fhirUrl = args.server ?? sample?.baseUrl ?? '';
    const config = await writeConfig(folder, fhirUrl, args.output);

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
      ...(sample === undefined ? {} : { sample }),
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

function startHospital(patients: number, folder: string): Promise<SampleServer> {
  return startSampleServer({
    patients,
    // About thirty files, whatever the size of the hospital.
    linesPerFile: Math.max(5, patients),
    throttleBytesPerSecond: downloadSpeed,
    // The speed is that of what is sent; compressed, files would be there at once.
    gzip: false,
    progress: (poll) => `${poll * 35} % of the files are written`,
    dataFolder: join(folder, 'hospital'),
  });
}

/** Writes a configuration, checked here so that a wrong URL is refused before anything has begun. */
async function writeConfig(folder: string, baseUrl: string, output: string): Promise<string> {
  const file = join(folder, 'fhir-bulk-export.yaml');
  const text = stringify({
    servers: { [serverName]: { baseUrl, auth: { type: 'none' }, maxConcurrentDownloads: 5 } },
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

/** The user's own Temporal settings are kept out: they may point to another server. */
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
