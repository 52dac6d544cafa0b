import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { findHapiServer } from '../../dev/hapi/find-server.ts';
import { startHapiServer } from '../../dev/hapi/server.ts';
import { findTemporalCli } from '../../src/temporal-server/cli.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import type { ServerConfig } from '../../src/config.ts';
import { createWorkers } from '../../src/create-workers.ts';

const BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

/** A Temporal server, HAPI FHIR, and workers in this process with the limits of production. */
export interface Stage {
  client: Client;
  baseUrl: string;
  close(): Promise<void>;
}

/** Names of the server in the configuration, by the method of the kick-off. */
export const SERVERS = { get: 'hapi-get', post: 'hapi-post' } as const;

/** @param say receives one line for each thing that is found or fetched */
export async function openStage(say: (line: string) => void): Promise<Stage> {
  const programs = { cli: await findTemporalCli(say), hapi: await findHapiServer(say) };
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const folder = await mkdtemp(join(tmpdir(), 'bulk-export-interop-'));
  const [temporal, hapi] = await Promise.all([
    startTemporalServer({ cli: programs.cli, ports: 'free', headless: true }),
    startHapiServer(programs.hapi),
  ]);
  const connection = await NativeConnection.connect({ address: temporal.address });
  const workers = await createWorkers({
    connection,
    config: {
      servers: {
        [SERVERS.get]: serverEntry(hapi.baseUrl, 'get'),
        [SERVERS.post]: serverEntry(hapi.baseUrl, 'post'),
      },
      destinations: { local: { type: 'directory', path: folder } },
    },
    workflowBundle: { codePath: BUNDLE },
  });
  const running = workers.run();
  const clientConnection = await Connection.connect({ address: temporal.address });
  return {
    client: new Client({ connection: clientConnection }),
    baseUrl: hapi.baseUrl,
    close: async () => {
      workers.shutdown();
      await running;
      await connection.close();
      await clientConnection.close();
      await Promise.all([temporal.stop(), hapi.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function serverEntry(baseUrl: string, kickOffMethod: 'get' | 'post'): ServerConfig {
  return {
    baseUrl,
    auth: { type: 'none' },
    fileOrigins: [],
    profile: 'hapi',
    maxConcurrentDownloads: 4,
    kickOffMethod,
    checks: 'fast',
    headers: {},
  };
}
