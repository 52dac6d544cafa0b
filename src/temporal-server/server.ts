import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';

import { killGroup, spawnOwned } from '../programs/child.ts';
import { readCompose, serverArguments, type ServerPorts } from './compose.ts';
import { findFreePorts, isListening, requireFreePorts } from './ports.ts';
import { ensureSearchAttributes } from './search-attributes.ts';

const startLimit = 30_000;
const stopLimit = 10_000;

/** How to start a development server. */
export interface TemporalServerOptions {
  /** Path of the Temporal CLI. */
  cli: string;
  /** `compose`: the ports of the Compose file, `free`: any free ones. Default: `compose`. */
  ports?: 'compose' | 'free';
  /** Another gRPC port. */
  port?: number;
  /** Another port for the HTTP API. */
  httpPort?: number;
  /** Another port for the Web UI. */
  uiPort?: number;
  /** File that keeps the state; its folder must exist. Default: in memory. */
  dbFilename?: string;
  /** Without the Web UI. Default: with it. */
  headless?: boolean;
  /** More arguments for `temporal server start-dev`. */
  extraArgs?: readonly string[];
  /** Receives each line that the server prints. Default: ignored. */
  log?: (line: string) => void;
}

/** A running development server; all its addresses are on loopback. */
export interface TemporalServer {
  /** gRPC, as `host:port`. */
  address: string;
  /** Base of the HTTP API. */
  httpUrl: string;
  /** The Web UI; undefined when headless. */
  uiUrl: string | undefined;
  pid: number;
  /** Stops the server: SIGTERM, and SIGKILL after 10 s. Calling it again is harmless. */
  stop(): Promise<void>;
  /** Resolves when the process has ended for any reason, which it names, such as "exit code 1". */
  exited: Promise<string>;
}

/**
 * Starts the development server of `temporal-dev.yml` without a container and waits until it answers and has the
 * search attributes of that file. The server ends with this process, unless this process is killed by SIGKILL.
 *
 * @throws Error when a port is taken, or when the server ends or does not answer within 30 s, with its last errors
 */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  const settings = await readCompose();
  const { cli, headless = false, extraArgs = [], log = () => {} } = options;
  const ports = await choosePorts(settings.ports, options);
  await requireFreePorts({ gRPC: ports.grpc, 'HTTP API': ports.http, ...(headless ? {} : { 'Web UI': ports.ui }) });

  const args = [...serverArguments(settings, { ...options, ports }), ...extraArgs];
  const child = spawnOwned(cli, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = exitOf(child);
  const lastErrors = followOutput(child, log);
  const stop = async (): Promise<void> => {
    if (hasEnded(child)) return;
    killGroup(child, 'SIGTERM');
    const timer = setTimeout(() => killGroup(child, 'SIGKILL'), stopLimit);
    await exited;
    clearTimeout(timer);
  };

  const address = `127.0.0.1:${ports.grpc}`;
  try {
    const connection = await connectWhenReady(ports.grpc, async () => hasEnded(child));
    try {
      await ensureSearchAttributes(connection, 'default', settings.searchAttributes);
    } finally {
      await connection.close();
    }
  } catch (error) {
    await stop();
    const reason = `${(error as Error).message} (${await exited})`;
    throw new Error([`The Temporal server did not start: ${reason}`, ...lastErrors].join('\n  '), { cause: error });
  }
  return {
    address,
    httpUrl: `http://127.0.0.1:${ports.http}`,
    uiUrl: headless ? undefined : `http://127.0.0.1:${ports.ui}`,
    pid: child.pid!,
    stop,
    exited,
  };
}

async function choosePorts(compose: ServerPorts, options: TemporalServerOptions): Promise<ServerPorts> {
  const ports = options.ports === 'free' ? await findFreePorts() : compose;
  return {
    grpc: options.port ?? ports.grpc,
    http: options.httpPort ?? ports.http,
    ui: options.uiPort ?? ports.ui,
  };
}

/**
 * Connects to a server that is starting as soon as its port is open: a gRPC channel that failed once would wait a second
 * before it tries again.
 *
 * @param hasEnded whether there is nothing more to wait for
 * @throws Error when it ends, or does not answer within 30 s
 */
export async function connectWhenReady(port: number, hasEnded: () => Promise<boolean>): Promise<Connection> {
  const deadline = Date.now() + startLimit;
  while (Date.now() < deadline) {
    if (await isListening(port)) {
      const connection = await Connection.connect({
        address: `127.0.0.1:${port}`,
        // It would go through the proxy of the environment.
        channelArgs: { 'grpc.enable_http_proxy': 0 },
      }).catch(() => undefined);
      if (connection !== undefined) return connection;
    }
    if (await hasEnded()) throw new Error('it ended');
    await sleep(50);
  }
  throw new Error(`no answer within ${startLimit / 1000} s`);
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`an error: ${error.message}`));
    // Not `exit`, after which the last lines of output may still come.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

/** Passes the server's output to `log`; returns a list that always holds the last ten lines of standard error. */
function followOutput(child: ChildProcess, log: (line: string) => void): string[] {
  const lastErrors: string[] = [];
  createInterface({ input: child.stdout! }).on('line', log);
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (lastErrors.push(line) > 10) lastErrors.shift();
    log(line);
  });
  return lastErrors;
}
