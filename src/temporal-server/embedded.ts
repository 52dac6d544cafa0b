import { mkdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dataFolder } from '../process/data-folder.ts';
import { commandOf, readPid } from '../process/process-identity.ts';
import { withUserLock } from '../process/user-lock.ts';
import { readVersion } from './cli-version.ts';
import type { ServerPorts } from './compose.ts';
import { readCompose, serverArguments } from './compose.ts';
import { isGuarded, startGuarded } from './guard.ts';
import { findFreePorts, requireFreePorts } from './ports.ts';
import { connectWhenReady } from './server.ts';
import { ensureSearchAttributes } from './search-attributes.ts';

/** Milliseconds between two looks at a guard that is ending. */
const PACE = 100;
/** Milliseconds that the server of a killed guard may take to end. */
const END = 10_000;

/** The development server of this user, while this process uses it. All addresses are on loopback. */
export interface EmbeddedServer {
  /** gRPC, as `host:port`. */
  address: string;
  uiUrl: string;
  /** Folder of its state. */
  folder: string;
  /** Ends the use; without users the server stops after some seconds. Calling it again is harmless. */
  release(): Promise<void>;
}

/**
 * Uses the one development server of this user on this machine, and starts it when it does not run. However many
 * commands call this at once there is one; it outlives each of them, and its state outlives the server.
 *
 * @param findCli path of the Temporal CLI; called only when the server is to be started
 * @param say receives what a person should know
 * @throws Error when the server does not start, with its last lines
 */
export async function useEmbeddedServer(
  findCli: () => Promise<string>,
  say: (line: string) => void = () => {},
  env = process.env,
): Promise<EmbeddedServer> {
  if (process.platform === 'win32') {
    throw new Error('The embedded Temporal server needs Linux or macOS: name a service, by TEMPORAL_ADDRESS.');
  }
  const folder = await stateFolder(env);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const place = placeIn(folder);
  const work = async (): Promise<ServerPorts> => (await joinUsers(place)) ?? start(place, await findCli(), say);
  const ports = await withUserLock(join(folder, 'lock'), work, (pid) =>
    say(`Waiting for process ${pid}, which is starting the embedded Temporal server.`),
  );
  return {
    address: `127.0.0.1:${ports.grpc}`,
    uiUrl: `http://127.0.0.1:${ports.ui}`,
    folder,
    release: () => rm(place.ownUse, { force: true }),
  };
}

/**
 * Folder of the server's state: of a machine, because a home may be on a network, while processes and ports are not. On
 * macOS of all, because its host name changes with the network. Containers may share a host name and a home, but none
 * sees the processes of another one.
 *
 * @param env default: the environment of this process
 */
export async function stateFolder(env = process.env): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => MACHINE);
  const machine = process.platform === 'darwin' ? 'mac' : hostname();
  const name = namespace === MACHINE ? machine : `${machine}-${namespace.replaceAll(/\D/g, '')}`;
  return join(dataFolder(env), 'temporal', name);
}

/** The process ids of a Linux machine itself: `PROC_PID_INIT_INO` in include/linux/proc_ns.h. */
const MACHINE = 'pid:[4026531836]';

/** Names of the server's files. */
function placeIn(folder: string) {
  const users = join(folder, 'users');
  return {
    users,
    ownUse: join(users, String(process.pid)),
    guardPidFile: join(folder, 'guard.pid'),
    pidFile: join(folder, 'server.pid'),
    ports: join(folder, 'ports.json'),
    log: join(folder, 'server.log'),
    version: join(folder, 'version'),
    /** Of one version of the CLI: another one need not be able to read it. */
    database: (version: string): string => join(folder, `temporal-${version}.db`),
    folder,
  };
}
type Place = ReturnType<typeof placeIn>;

/** Joins the users of the server that runs; undefined when none does. */
async function joinUsers(place: Place): Promise<ServerPorts | undefined> {
  while (await isGuarded(place)) {
    // Without the folder the server is being stopped.
    const joined = await writeFile(place.ownUse, '').then(
      () => true,
      () => false,
    );
    const ports = await readPorts(place);
    if (joined && ports !== undefined) {
      await awaitServer(place, ports);
      return ports;
    }
    await delay(PACE);
  }
  return undefined;
}

async function start(place: Place, cli: string, say: (line: string) => void): Promise<ServerPorts> {
  await endLeftServer(place);
  const version = await readVersion(cli);
  await tellOtherVersion(place, version, say);
  await rm(`${place.users}.closed`, { recursive: true, force: true });
  await rm(place.users, { recursive: true, force: true });
  await mkdir(place.users, { mode: 0o700 });
  await writeFile(place.ownUse, '');
  const ports = await choosePorts(await readPorts(place));
  // First, because whoever finds the guard needs them.
  await writeFile(`${place.ports}.new`, JSON.stringify(ports), { mode: 0o600 });
  await rename(`${place.ports}.new`, place.ports);
  const settings = await readCompose();
  const command = [cli, ...serverArguments(settings, { ports, dbFilename: place.database(version) })];
  await startGuarded({ ...place, command });
  await awaitServer(place, ports);
  return ports;
}

/** Exports of the other version are not lost: each goes on from its folder. */
async function tellOtherVersion(place: Place, version: string, say: (line: string) => void): Promise<void> {
  const last = await readFile(place.version, 'utf8').catch(() => undefined);
  if (last === version) return;
  if (last !== undefined) {
    say(
      `The Temporal CLI is ${version} now, and was ${last}: exports that were begun with that are not listed. The same ` +
        'command goes on with each of them.',
    );
  }
  await writeFile(place.version, version, { mode: 0o600 });
}

/** The same as last time, if they are free: clients of a server that ended find the next one, and the Web UI's address stays. */
async function choosePorts(last: ServerPorts | undefined): Promise<ServerPorts> {
  if (last === undefined) return findFreePorts();
  return requireFreePorts({ gRPC: last.grpc, 'HTTP API': last.http, 'Web UI': last.ui }).then(
    () => last,
    () => findFreePorts(),
  );
}

async function awaitServer(place: Place, ports: ServerPorts): Promise<void> {
  try {
    const { searchAttributes } = await readCompose();
    const connection = await connectWhenReady(ports.grpc, async () => !(await isGuarded(place)));
    try {
      // Whoever else may have taken the port: exports and credentials are not for them.
      if (!(await isOurs(place))) throw new Error(`port ${ports.grpc} belongs to another process`);
      // Also those of a server that an earlier version of this package has started.
      await ensureSearchAttributes(connection, 'default', searchAttributes);
    } finally {
      await connection.close();
    }
  } catch (error) {
    await rm(place.ownUse, { force: true });
    const log = await readFile(place.log, 'utf8').catch(() => '');
    const lines = log.trim().split('\n').slice(-5);
    throw new Error([`The embedded Temporal server: ${(error as Error).message}`, ...lines].join('\n  '), {
      cause: error,
    });
  }
}

/** Whether the server of the state runs. */
async function isOurs(place: Place): Promise<boolean> {
  const pid = await readPid(place.pidFile);
  return pid !== undefined && (await commandOf(pid)).includes(join(place.folder, 'temporal-'));
}

/** The server of a guard that was killed holds the ports and the state. */
async function endLeftServer(place: Place): Promise<void> {
  const pid = await readPid(place.pidFile);
  if (pid === undefined || !(await isOurs(place))) return;
  process.kill(pid, 'SIGTERM');
  for (const end = Date.now() + END; Date.now() < end; await delay(PACE)) {
    if (!(await isOurs(place))) return;
  }
  process.kill(pid, 'SIGKILL');
}

async function readPorts(place: Place): Promise<ServerPorts | undefined> {
  const text = await readFile(place.ports, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ServerPorts);
}
