import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { spawnOwned } from '../../src/programs/child.ts';
import { commandOf } from '../../src/process/process-identity.ts';
import { stateFolder, useEmbeddedServer } from '../../src/temporal-server/embedded.ts';
import { isListening } from '../../src/temporal-server/ports.ts';
import { killLeftProcesses, leftProcesses } from '../support/left-processes.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/test/support/embedded-user.js', import.meta.url));

const SECRET = 'secret-of-a-configuration';

let data: string;
let folder: string;
let users: ChildProcess[];

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'embedded-'));
  folder = await stateFolder({ XDG_DATA_HOME: data });
  users = [];
});
afterEach(async () => {
  for (const user of users) user.kill('SIGKILL');
  await killLeftProcesses(data);
  await rm(data, { recursive: true, force: true });
});

interface User {
  child: ChildProcess;
  address: string;
  port: number;
}

async function startUser(): Promise<User> {
  const child = spawnOwned(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, XDG_DATA_HOME: data, TEMPORAL_CLI: inject('temporalCli'), HOSPITAL_TOKEN: SECRET },
  });
  users.push(child);
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const { address } = JSON.parse(line.toString()) as { address: string };
  return { child, address, port: Number(address.split(':')[1]) };
}

async function end({ child }: User, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

const serverPid = async (): Promise<number> => Number(await readFile(join(folder, 'server.pid'), 'utf8'));

/** All servers that run, whoever started them. */
async function servers(): Promise<number[]> {
  const pids = await leftProcesses(data);
  const commands = await Promise.all(pids.map(commandOf));
  return pids.filter((_, position) => commands[position]?.startsWith(inject('temporalCli')));
}

test('commands that start at once share one server, though a holder of the lock was killed, and a port is taken', async () => {
  await mkdir(join(folder, 'lock'), { recursive: true });
  await writeFile(join(folder, 'lock/7'), JSON.stringify({ pid: 2 ** 22 + 1, started: '1' }));
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await writeFile(join(folder, 'ports.json'), JSON.stringify({ grpc: port, http: port, ui: port }));
  const all = await Promise.all(Array.from({ length: 6 }, startUser));
  expect(new Set(all.map(({ address }) => address)).size).toBe(1);
  expect(all[0]?.port).not.toBe(port);
  other.close();
  expect(await servers()).toEqual([await serverPid()]);
});

test('the server outlives the command that started it, and ends when none is left, however they ended', async () => {
  const first = await startUser();
  const second = await startUser();
  await end(first, 'SIGKILL');
  const connection = await Connection.connect({ address: second.address });
  await connection.operatorService.listSearchAttributes({ namespace: 'default' }).then(({ customAttributes }) => {
    expect(customAttributes).toHaveProperty('ExportPhase');
  });
  await connection.close();
  const pid = await serverPid();
  const third = await startUser();
  await end(second, 'SIGKILL');
  await expect.poll(() => readdir(join(folder, 'users'))).toEqual([String(third.child.pid)]);
  expect(await serverPid()).toBe(pid);
  // It outlives the command, so it holds neither its secrets nor its folder.
  for (const process of [pid, Number(await readFile(join(folder, 'guard.pid'), 'utf8'))]) {
    expect(await readFile(`/proc/${process}/environ`, 'utf8')).not.toContain(SECRET);
    expect(await readlink(`/proc/${process}/cwd`)).toBe(folder);
  }
  await end(third, 'SIGTERM');
  await expect.poll(() => leftProcesses(data), { timeout: 60_000, interval: 500 }).toEqual([]);
  const fourth = await startUser();
  // Unless somebody else has taken the port meanwhile.
  expect(fourth.port === first.port || (await isListening(first.port))).toBe(true);
});

test('a server that is killed is started again where it was', async () => {
  const user = await startUser();
  const pid = await serverPid();
  process.kill(pid, 'SIGKILL');
  await expect.poll(serverPid, { timeout: 30_000 }).not.toBe(pid);
  await expect.poll(() => isListening(user.port), { timeout: 30_000 }).toBe(true);
});

test('the server of a guard that is killed is replaced', async () => {
  const user = await startUser();
  const pid = await serverPid();
  process.kill(Number(await readFile(join(folder, 'guard.pid'), 'utf8')), 'SIGKILL');
  const next = await startUser();
  expect(await serverPid()).not.toBe(pid);
  expect(next.address).toBe(user.address);
  expect(await servers()).toEqual([await serverPid()]);
});

test('a server that cannot run is given up soon, and another version has a database of its own', async () => {
  const cli = join(data, 'temporal');
  const script =
    '#!/bin/sh\n[ "$1" = --version ] && echo "temporal version 9.9.9" && exit\necho "no room: $*" >&2; exit 1\n';
  await writeFile(cli, script);
  await chmod(cli, 0o700);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'version'), '1.8.2');
  const said: string[] = [];
  const failing = useEmbeddedServer(
    async () => cli,
    (text) => said.push(text),
    { XDG_DATA_HOME: data },
  );
  await expect(failing).rejects.toThrow(/it ended\n +no room: .*temporal-9\.9\.9\.db/);
  expect(said).toEqual([expect.stringContaining('is 9.9.9 now, and was 1.8.2')]);
});
