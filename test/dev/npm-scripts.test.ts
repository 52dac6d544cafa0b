import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';
import type { TemporalServer } from '../../src/temporal-server/server.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';
import { serverEntry } from '../support/stack.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
let temporal: TemporalServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'npm-scripts-'));
  temporal = await startTemporalServer({ cli: inject('temporalCli'), ports: 'free', headless: true });
});
afterEach(async () => {
  await temporal.stop();
  await rm(folder, { recursive: true, force: true });
});

/** `npm run worker` in a process group of its own, as a terminal starts it. */
async function npmRunWorker(): Promise<{
  npm: ChildProcess;
  worker: number;
  logs(): string;
  exited: Promise<unknown>;
}> {
  const config = join(folder, 'config.yaml');
  await writeFile(
    config,
    stringify({
      servers: { a: serverEntry('https://a.example') },
      destinations: { local: { type: 'directory', path: folder } },
    }),
  );
  const npm = spawn('npm', ['run', 'worker'], {
    cwd: PROJECT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TEMPORAL_ADDRESS: temporal.address, BULK_EXPORT_CONFIG: config, LOG_LEVEL: 'info' },
  });
  let logs = '';
  for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk: Buffer) => (logs += chunk.toString()));
  await expect.poll(() => logs, { timeout: 30_000 }).toContain('worker started');
  const line = logs.split('\n').find((one) => one.includes('worker started')) as string;
  return { npm, worker: (JSON.parse(line) as { pid: number }).pid, logs: () => logs, exited: once(npm, 'exit') };
}

/** Processes that were started for this test, whatever their group: its folder is in their environment. */
async function left(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const ours = await Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).includes(folder)),
  );
  return pids.filter((_, position) => ours[position]);
}

describe.skipIf(process.platform !== 'linux')('npm run worker', () => {
  test('leaves no process when its group is killed', async () => {
    const { npm, worker, exited } = await npmRunWorker();
    expect(await left()).toContain(worker);
    process.kill(-(npm.pid as number), 'SIGKILL');
    await exited;
    await expect.poll(left, { timeout: 5000 }).toEqual([]);
  });

  test('ends in order at a SIGTERM to npm', async () => {
    const { npm, logs, exited } = await npmRunWorker();
    npm.kill('SIGTERM');
    await exited;
    await expect.poll(left, { timeout: 30_000 }).toEqual([]);
    expect(logs()).toContain('worker stopped');
  });

  test('ends in order when npm alone is killed', async () => {
    const { npm, logs } = await npmRunWorker();
    npm.kill('SIGKILL');
    await expect.poll(left, { timeout: 30_000 }).toEqual([]);
    expect(logs()).toContain('worker stopped');
  });

  test('ends in order at Ctrl-C, which goes to all of the group and is sent once more by npm', async () => {
    const { npm, worker, logs, exited } = await npmRunWorker();
    process.kill(-(npm.pid as number), 'SIGINT');
    // Where the shell that npm starts has given way to the program, it is the program that npm's signal reaches.
    await delay(10);
    process.kill(worker, 'SIGINT');
    await exited;
    await expect.poll(left, { timeout: 30_000 }).toEqual([]);
    expect(logs()).toContain('worker stopped');
  });
});
