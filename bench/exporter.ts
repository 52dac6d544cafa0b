import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import { killGroup, spawnOwned } from '../src/programs/child.ts';
import type { TemporalServer } from '../src/temporal-server/server.ts';
import { startExport } from '../src/client.ts';
import type { ExportReport } from '../src/contract.ts';
import type { Measured } from './measured.ts';
import type { ProcessFigures } from './process-figures.ts';
import { figuresOf } from './process-figures.ts';

/** Worker processes of one checkout, which do whole exports. */
export interface Exporter {
  client: Client;
  taskQueue: string;
  pids: number[];
  /** What all of them have cost so far: CPU added up, and the largest memory. */
  figures(): ProcessFigures;
  /** Kills a worker and starts another in its place. */
  replaceOne(): Promise<void>;
  stop(): Promise<void>;
}

export interface ExporterOptions {
  temporal: TemporalServer;
  /** Folder of a built checkout. */
  checkout: string;
  /** For the configuration and logs. */
  folder: string;
  taskQueue: string;
  baseUrl: string;
  /** Origins of the files. */
  fileOrigins: readonly string[];
  /** Certificate authority of the files' servers. */
  ca: string;
  destinations: Record<string, object>;
  /** What the configuration has beside servers and destinations, and of the server beside its address. */
  settings: { server?: object };
  env?: NodeJS.ProcessEnv;
  /** Default 1. */
  workers?: number;
}

/** Starts workers as users run them, and waits until they poll. */
export async function startExporter(options: ExporterOptions): Promise<Exporter> {
  const { temporal, folder, taskQueue, baseUrl, fileOrigins, ca, destinations } = options;
  const { server, ...settings } = options.settings;
  await mkdir(folder, { recursive: true });
  const config = join(folder, 'config.yaml');
  const bench = { baseUrl, fileOrigins, tls: { caFile: ca }, ...server };
  await writeFile(config, stringify({ servers: { bench }, destinations, ...settings }));
  const start = (): Promise<ChildProcess> => startWorker(options, config);
  const children: ChildProcess[] = [];
  for (let worker = 0; worker < (options.workers ?? 1); worker++) children.push(await start());
  const connection = await Connection.connect({ address: temporal.address });
  const pids = (): number[] => children.map(({ pid }) => pid as number);
  return {
    client: new Client({ connection }),
    taskQueue,
    pids: pids(),
    figures: () => {
      const all = pids().map(figuresOf);
      return {
        cpuSeconds: all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
        peakMiB: Math.max(...all.map(({ peakMiB }) => peakMiB)),
      };
    },
    replaceOne: async () => {
      const killed = children.shift() as ChildProcess;
      const exited = once(killed, 'exit');
      killGroup(killed, 'SIGKILL');
      await exited;
      children.push(await start());
    },
    stop: async () => {
      await connection.close();
      await Promise.all(
        children.map(async (child) => {
          const exited = once(child, 'exit');
          killGroup(child, 'SIGTERM');
          await exited;
        }),
      );
    },
  };
}

async function startWorker(
  { temporal, checkout, taskQueue, env }: ExporterOptions,
  config: string,
): Promise<ChildProcess> {
  // The command itself, as it is installed: its first line says how Node is to run.
  const command = join(checkout, 'dist/src/cli/main.js');
  await chmod(command, 0o755);
  const child = spawnOwned(command, ['worker'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...env,
      TEMPORAL_ADDRESS: temporal.address,
      BULK_EXPORT_CONFIG: config,
      BULK_EXPORT_TASK_QUEUE: taskQueue,
    },
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('worker started')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`the worker of ${checkout} ended with exit code ${code}`)));
  });
  return child;
}

let started = 0;

/** One whole export, from its start to its report. */
export async function runExport(
  { client, taskQueue }: Exporter,
  groupId: string,
  destination: { name: string; path: string },
): Promise<{ measured: Measured; report: ExportReport }> {
  const workflowId = `bench-${process.pid}-${++started}`;
  const begin = performance.now();
  const { result, handle } = await startExport(
    client,
    { server: 'bench', level: 'group', groupId, destination },
    { workflowId, taskQueue },
  );
  const report = await result();
  const seconds = (performance.now() - begin) / 1000;
  const { events = [] } = await handle.fetchHistory();
  return {
    measured: { seconds, more: { events: (events ?? []).length, download: downloadSeconds(events ?? []) } },
    report,
  };
}

interface HistoryEvent {
  eventTime?: { seconds?: unknown; nanos?: number | null } | null;
  activityTaskScheduledEventAttributes?: { activityType?: { name?: string | null } | null } | null;
}

/** From the first plan of downloads to settling. */
function downloadSeconds(events: readonly HistoryEvent[]): number {
  const timeOf = (activity: string): number => {
    const event = events.find(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === activity,
    );
    return Number(event?.eventTime?.seconds ?? 0) + (event?.eventTime?.nanos ?? 0) / 1e9;
  };
  return timeOf('settleExport') - timeOf('planDownloads');
}
