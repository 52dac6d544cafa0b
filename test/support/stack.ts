import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { MetricsExporterConfig } from '@temporalio/worker';
import { DefaultLogger, NativeConnection, Runtime, makeTelemetryFilterString } from '@temporalio/worker';
import { inject } from 'vitest';
import type { SampleServer, SampleServerOptions } from '../../dev/sample-server/index.ts';
import { startSampleServer } from '../../dev/sample-server/index.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import type { StartedExport } from '../../src/client.ts';
import { startExport } from '../../src/client.ts';
import type { Config, ServerConfig } from '../../src/config.ts';
import type { ExportReport, ExportRequest } from '../../src/contract.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { HttpTimeouts } from '../../src/http/agents.ts';
import type { Workers } from '../../src/hosting/run-workers.ts';
import { createWorkers } from '../../src/create-workers.ts';
import { takeNamespace } from './shared-temporal.ts';
import { scanLog } from './log-scan.ts';
import { SHORT_LIMITS } from './short-limits.ts';

export const BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
/** The same for workers that export traces. */
export const TRACED = fileURLToPath(new URL('../../dist/workflow-bundle.traced.js', import.meta.url));

/** A namespace of a Temporal server that runs, and a client of it. */
export interface RunningTemporal {
  address: string;
  /** Default: `default`. */
  namespace?: string;
  /** Base of the HTTP API; the test server has none. */
  httpUrl?: string;
  client: Client;
  stop(): Promise<void>;
}

/** A Temporal server, FHIR servers, a destination folder and workers in this process: all real, all on loopback. */
export interface Stack {
  temporal: Omit<RunningTemporal, 'client'>;
  client: Client;
  config: Config;
  /** Folder of the destination `local`. */
  folder: string;
  servers: Record<string, SampleServer>;
  start(request: Partial<ExportRequest>, workflowId?: string): Promise<StartedExport>;
  /** Runs an export to its end. */
  run(request: Partial<ExportRequest>, workflowId?: string): Promise<ExportReport>;
  /** Runs an export that fails; gives the failure's code and message. */
  fail(request: Partial<ExportRequest>): Promise<{ code: string; message: string }>;
  stopWorkers(): Promise<void>;
  startWorkers(): Promise<void>;
  close(): Promise<void>;
}

export interface StackOptions {
  /** FHIR servers by name, with the options of the sample server. Default: one named `hospital`. */
  servers?: Record<string, SampleServerOptions>;
  /** Further fields of the servers' entries in the configuration. */
  entries?: Record<string, Partial<ServerConfig>>;
  limits?: Limits | undefined;
  timeouts?: HttpTimeouts;
  /** Default: a namespace of its own of the development server that all files share. */
  temporal?: RunningTemporal;
  /** Arguments for a development server of its own. */
  temporalArgs?: string[];
  /** False: no workers in this process. Default true. */
  workers?: boolean;
}

let started = 0;

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  quiet();
  const folder = await mkdtemp(join(tmpdir(), 'bulk-export-test-'));
  const temporal = options.temporal ?? (await startTemporal(options.temporalArgs));
  const { client } = temporal;
  const servers: Record<string, SampleServer> = {};
  for (const [name, serverOptions] of Object.entries(options.servers ?? { hospital: {} })) {
    servers[name] = await startSampleServer(serverOptions);
  }
  const config: Config = {
    servers: Object.fromEntries(
      Object.entries(servers).map(([name, { baseUrl }]) => [name, serverEntry(baseUrl, options.entries?.[name])]),
    ),
    destinations: { local: { type: 'directory', path: folder } },
  };
  let running: { workers: Workers; ended: Promise<void>; connection: NativeConnection } | undefined;

  const stack: Stack = {
    temporal,
    client,
    config,
    folder,
    servers,
    start: (request, workflowId = `export-${++started}`) =>
      startExport(client, { server: Object.keys(servers)[0] as string, level: 'system', ...request } as ExportRequest, {
        workflowId,
      }),
    run: async (request, workflowId) => (await stack.start(request, workflowId)).result(),
    fail: async (request) => failureOf((await stack.start(request)).result()),
    startWorkers: async () => {
      const connection = await NativeConnection.connect({ address: temporal.address });
      const workers = await createWorkers({
        connection,
        namespace: temporal.namespace,
        config,
        workflowBundle: { codePath: BUNDLE },
        limits: options.limits ?? SHORT_LIMITS,
        ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
      });
      running = { workers, ended: workers.run(), connection };
    },
    stopWorkers: async () => {
      running?.workers.shutdown();
      await running?.ended;
      await running?.connection.close();
      running = undefined;
    },
    close: async () => {
      await stack.stopWorkers();
      await temporal.stop();
      await Promise.all(Object.values(servers).map((server) => server.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (options.workers !== false) await stack.startWorkers();
  return stack;
}

async function startTemporal(ownArgs: string[] | undefined): Promise<RunningTemporal> {
  const server =
    ownArgs === undefined
      ? { ...(await takeNamespace(inject('temporalNamespaces'))), stop: async () => {} }
      : {
          ...(await startTemporalServer({
            cli: inject('temporalCli'),
            ports: 'free',
            headless: true,
            extraArgs: ownArgs,
          })),
          namespace: 'default',
        };
  const connection = await Connection.connect({ address: server.address });
  return {
    ...server,
    client: new Client({ connection, namespace: server.namespace }),
    stop: async () => {
      await connection.close();
      await server.stop();
    },
  };
}

export function serverEntry(baseUrl: string, more: Partial<ServerConfig> = {}): ServerConfig {
  return {
    baseUrl,
    auth: { type: 'none' },
    fileOrigins: [],
    profile: 'generic',
    maxConcurrentDownloads: 4,
    checks: 'fast',
    headers: {},
    ...more,
  };
}

/** Code and message with which an export ended. */
export async function failureOf(result: Promise<unknown>): Promise<{ code: string; message: string }> {
  try {
    await result;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure) return { code: cause.type ?? '', message: cause.message };
    if (cause instanceof CancelledFailure) return { code: 'Cancelled', message: cause.message };
    throw error;
  }
  throw new Error('the export did not fail');
}

let installed = false;

/**
 * Keeps the workers' logs to what went wrong; to be called before anything of the SDK runs.
 *
 * @param metrics where the SDK exports them; default: nowhere
 */
export function quiet(metrics?: MetricsExporterConfig): void {
  if (installed) return;
  installed = true;
  const isQuiet = process.env['TEST_LOG'] === undefined;
  const print = new DefaultLogger(isQuiet ? 'ERROR' : 'DEBUG');
  Runtime.install({
    logger: new DefaultLogger('DEBUG', (entry) => {
      scanLog(entry);
      print.log(entry.level, entry.message, entry.meta);
    }),
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: isQuiet ? 'ERROR' : 'WARN', other: 'ERROR' }) },
      ...(metrics === undefined ? {} : { metrics }),
    },
  });
}
