import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dataFolder } from '../process/data-folder.ts';
import { commandOf, readPid } from '../process/process-identity.ts';
import { withUserLock } from '../process/user-lock.ts';
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
 * @throws Error when the server does not start, with its last lines
 */
export async function useEmbeddedServer(findCli: () => Promise<string>, env = process.env): Promise<EmbeddedServer> {
  // By machine, because a home may be on a network: processes and ports are not.
  const folder = join(dataFolder(env), 'temporal', hostname());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const place = placeIn(folder);
  const ports = await withUserLock(join(folder, 'lock'), async () => {
    const running = await joinUsers(place);
    return running ?? start(place, await findCli());
  });
  return {
    address: `127.0.0.1:${ports.grpc}`,
    uiUrl: `http://127.0.0.1:${ports.ui}`,
    folder,
    release: () => rm(place.ownUse, { force: true }),
  };
}

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
    database: join(folder, 'temporal.db'),
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

async function start(place: Place, cli: string): Promise<ServerPorts> {
  await endLeftServer(place);
  await rm(`${place.users}.closed`, { recursive: true, force: true });
  await rm(place.users, { recursive: true, force: true });
  await mkdir(place.users, { mode: 0o700 });
  await writeFile(place.ownUse, '');
  const ports = await choosePorts(await readPorts(place));
  // First, because whoever finds the guard needs them.
  await writeFile(`${place.ports}.new`, JSON.stringify(ports), { mode: 0o600 });
  await rename(`${place.ports}.new`, place.ports);
  const settings = await readCompose();
  const command = [cli, ...serverArguments(settings, { ports, dbFilename: place.database })];
  await startGuarded({ ...place, command });
  await awaitServer(place, ports, settings.searchAttributes);
  return ports;
}

/** The same as last time, if they are free: clients of a server that ended find the next one, and the Web UI's address stays. */
async function choosePorts(last: ServerPorts | undefined): Promise<ServerPorts> {
  if (last === undefined) return findFreePorts();
  return requireFreePorts({ gRPC: last.grpc, 'HTTP API': last.http, 'Web UI': last.ui }).then(
    () => last,
    () => findFreePorts(),
  );
}

async function awaitServer(
  place: Place,
  ports: ServerPorts,
  searchAttributes: Readonly<Record<string, string>> = {},
): Promise<void> {
  try {
    const connection = await connectWhenReady(ports.grpc, async () => !(await isGuarded(place)));
    try {
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

/** The server of a guard that was killed holds the ports and the state. */
async function endLeftServer(place: Place): Promise<void> {
  const pid = await readPid(place.pidFile);
  if (pid === undefined) return;
  const runs = async (): Promise<boolean> => (await commandOf(pid)).includes(place.database);
  if (!(await runs())) return;
  process.kill(pid, 'SIGTERM');
  for (const end = Date.now() + END; Date.now() < end; await delay(PACE)) {
    if (!(await runs())) return;
  }
  process.kill(pid, 'SIGKILL');
}

async function readPorts(place: Place): Promise<ServerPorts | undefined> {
  const text = await readFile(place.ports, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ServerPorts);
}
