import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findGateway } from '../dev/s3/find-gateway.ts';
import type { Gateway } from '../dev/s3/gateway.ts';
import { startGateway } from '../dev/s3/gateway.ts';
import { findTemporalCli } from '../src/temporal-server/cli.ts';
import type { TemporalServer } from '../src/temporal-server/server.ts';
import { startTemporalServer } from '../src/temporal-server/server.ts';
import { makeData } from './data.ts';
import type { Exporter } from './exporter.ts';
import { startExporter } from './exporter.ts';
import type { FileServer } from './nginx.ts';
import { startNginx } from './nginx.ts';
import { credentialsOf } from './s3-copy.ts';

const run = promisify(execFile);
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SHARED_MEMORY = '/dev/shm';
/** Bytes a second of a limited connection: few enough for the connections of two workers to need little of the CPU. */
export const LIMIT = 5_000_000;

/** When the FHIR side of a measurement was asked last, in milliseconds since the epoch. */
export interface HospitalTimes {
  kickOff: number;
}

export interface StartOptions {
  /** Folder of a built checkout. Default: this one. */
  checkout?: string | undefined;
  /** Default 1. */
  workers?: number;
  /** What the configuration has beside servers and destinations, and under `server` of the server beside its address. */
  settings?: { server?: object };
}

/** All that a measurement needs, each part a process of its own. */
export interface Stage {
  /** On the disk that is measured, and in memory. */
  disk: string;
  memory: string;
  /** Folder of the files that are served. */
  data: string;
  files: FileServer;
  /** Of the FHIR side. */
  baseUrl: string;
  ca: string;
  gateway: Gateway | undefined;
  times: HospitalTimes;
  start(options?: StartOptions): Promise<Exporter>;
  close(): Promise<void>;
}

/**
 * @param folder on the disk that is to be measured
 * @param sizes MiB of the files that are served as they are, and of those that are there as gzip, too
 */
export async function setStage(
  folder: string,
  sizes: { plain: readonly number[]; packed: readonly number[] },
  wants: { s3: boolean },
): Promise<Stage> {
  const disk = await mkdtemp(join(folder, 'bulk-export-bench-'));
  const memory = await mkdtemp(join(SHARED_MEMORY, 'bulk-export-bench-'));
  const data = join(disk, 'data');
  await mkdir(data);
  await makeData(data, sizes.plain, sizes.packed);
  const certificate = await makeCertificate(disk);
  const files = await startNginx(join(disk, 'nginx'), data, certificate, LIMIT);
  const origins = { plain: files.plain, tls: files.tls, limited: files.limited };
  const hospital = fork(fileURLToPath(new URL('hospital.js', import.meta.url)), [JSON.stringify(origins)], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [printed] = (await once(hospital.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const baseUrl = printed.toString().trim();
  const times: HospitalTimes = { kickOff: 0 };
  hospital.on('message', ({ kind, at }: { kind: keyof HospitalTimes; at: number }) => (times[kind] = at));
  const say = (line: string): void => console.error(line);
  const temporal: TemporalServer = await startTemporalServer({
    cli: await findTemporalCli(say),
    ports: 'free',
    headless: true,
  });
  const gateway = wants.s3 ? await findGateway(say).then((program) => startGateway(program, disk)) : undefined;
  const bucket = { bucket: 'lake', endpoint: gateway?.endpoint, region: gateway?.region, forcePathStyle: true };
  let started = 0;
  return {
    disk,
    memory,
    data,
    files,
    baseUrl,
    ca: certificate.cert,
    gateway,
    times,
    start: ({ checkout = PROJECT, workers = 1, settings = {} } = {}) =>
      startExporter({
        temporal,
        checkout,
        folder: join(disk, `worker-${++started}`),
        taskQueue: `bench-${started}`,
        baseUrl,
        fileOrigins: Object.values(origins),
        ca: certificate.cert,
        destinations: {
          disk: { type: 'directory', path: disk },
          memory: { type: 'directory', path: memory },
          ...(gateway === undefined ? {} : { s3: { type: 's3', ...bucket } }),
        },
        env: { LOG_LEVEL: 'info', ...(gateway === undefined ? {} : credentialsOf(gateway)) },
        settings,
        workers,
      }),
    close: async () => {
      hospital.disconnect();
      await files.stop();
      await temporal.stop();
      await gateway?.stop();
      for (const path of [disk, memory]) await rm(path, { recursive: true, force: true });
    },
  };
}

/** A certificate of the server itself, which is its own authority. */
async function makeCertificate(folder: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...names,
    '-keyout',
    key,
    '-out',
    cert,
  ]);
  return { cert, key };
}
