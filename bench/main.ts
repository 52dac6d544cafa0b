import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import type { ActivityDeps } from '../src/activities/deps.ts';
import { downloadFiles } from '../src/activities/download-files.ts';
import { Servers } from '../src/fhir-server/servers.ts';
import type { Config } from '../src/config.ts';
import { filesPerBatch, planBatches } from '../src/policy/batches.ts';
import { HttpClient } from '../src/http/http-client.ts';
import { prepareExport } from './prepare-export.ts';

/**
 * Downloads with all their checks and their durability, as activities do them, side by side with curl, which does
 * neither. Both fetch the same from the same server in turns; the best of the rounds counts. An argument chooses the
 * cases whose names contain it.
 */
const ROUNDS = 3;
const MIB = 1024;
const AT_ONCE = 8;

const CASES: { name: string; paths: string[] }[] = [
  { name: `one file of ${MIB} MiB`, paths: [`files/${MIB}`] },
  { name: `${MIB} MiB in 8 files`, paths: Array.from({ length: 8 }, (_, n) => `files/${MIB / 8}/${n}`) },
  { name: `gzip of ${MIB / 4} MiB`, paths: [`gzip/${MIB / 4}`] },
  { name: '5000 files of 31 KB', paths: Array.from({ length: 5000 }, (_, n) => `small/${n}`) },
];

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'bulk-export-bench-'));
const server = fork(fileURLToPath(new URL('server.js', import.meta.url)), {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
});
const [origin] = (await once(server.stdout as NodeJS.ReadableStream, 'data')).map((line) => String(line).trim());
const haveCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);
let number = 0;

async function withCurl(paths: readonly string[], to: string): Promise<void> {
  const lines = paths.map((path, n) => `url = "${origin}/${path}"\noutput = "${join(to, `${n}`)}"`);
  await writeFile(join(to, 'config'), lines.join('\n'));
  const options = ['--silent', '--fail', '--compressed', '--parallel', '--parallel-max', `${AT_ONCE}`];
  await run('curl', [...options, '--config', join(to, 'config')]);
}

/** Receives and writes, and nothing else. */
async function plainly(paths: readonly string[], to: string): Promise<void> {
  await inParallel([...paths.entries()], async ([n, path]) => {
    const asked = get(`${origin}/${path}`, { headers: { 'accept-encoding': 'gzip' } });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const unpack = answer.headers['content-encoding'] === undefined ? [] : [createGunzip({ chunkSize: 262_144 })];
    await pipeline([answer, ...unpack, createWriteStream(join(to, `${n}`))]);
  });
}

async function asActivities(paths: readonly string[], path: string): Promise<void> {
  const config: Config = {
    servers: {
      bench: {
        baseUrl: `${origin}/`,
        auth: { type: 'none' },
        fileOrigins: [],
        maxConcurrentDownloads: AT_ONCE,
        kickOffMethod: 'auto',
        checks: 'fast',
        headers: {},
      },
    },
    destinations: { local: { type: 'directory', path: folder } },
  };
  const http = new HttpClient();
  const deps: ActivityDeps = {
    config,
    http,
    servers: new Servers(config, http),
    limits: undefined as never,
    registeredSearchAttributes: async () => new Set(),
    isRunning: async () => false,
  };
  const urls = paths.map((path) => `${origin}/${path}`);
  const { ref, entries } = await prepareExport(config, path, urls, paths.length > 100 ? 31_000 : 100_000_000);
  const attempt = { signal: new AbortController().signal, report: () => {}, number: 1 };
  await inParallel(planBatches(entries, {}, filesPerBatch(entries.length)), async (range) => {
    const { later, failed } = await downloadFiles(deps, { ref, generation: 1, ranges: [range], retry: false }, attempt);
    if (later.length + failed.length > 0) throw new Error(JSON.stringify({ later, failed }));
  });
  await http.close();
}

async function inParallel<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await action(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function secondsOf(
  action: (paths: readonly string[], to: string) => Promise<void>,
  paths: string[],
  full: boolean,
): Promise<number> {
  const path = `${++number}`;
  await mkdir(join(folder, path));
  const start = performance.now();
  await action(paths, full ? join(folder, path) : path);
  const seconds = (performance.now() - start) / 1000;
  await rm(join(folder, path), { recursive: true });
  return seconds;
}

try {
  console.log(`seconds, best of ${ROUNDS}; ${haveCurl ? 'curl' : 'a plain loop'} neither checks nor makes durable`);
  for (const { name, paths } of CASES.filter(({ name }) => name.includes(process.argv[2] ?? ''))) {
    const theirs: number[] = [];
    const ours: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(await secondsOf(haveCurl ? withCurl : plainly, paths, true));
      ours.push(await secondsOf(asActivities, paths, false));
    }
    const [their, our] = [Math.min(...theirs), Math.min(...ours)];
    const ratio = (our / their).toFixed(2);
    console.log(`${name.padEnd(24)} ${their.toFixed(2)} : ${our.toFixed(2)} = ${ratio}`);
  }
} finally {
  server.disconnect();
  await rm(folder, { recursive: true, force: true });
}
