import { connect, createServer, type Server } from 'node:net';

import type { ServerPorts } from './compose.ts';

const loopback = '127.0.0.1';

/** Three different TCP ports on loopback that were free a moment ago. */
export async function findFreePorts(): Promise<ServerPorts> {
  const [grpc = 0, http = 0, ui = 0] = await freePorts(3);
  return { grpc, http, ui };
}

/** Different TCP ports on loopback that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map(close));
  return ports;
}

/**
 * Throws an error that names the port and its use when a port is taken. This check comes before the server starts,
 * because the server itself would end without naming the use.
 */
export async function requireFreePorts(uses: Readonly<Record<string, number>>): Promise<void> {
  for (const [use, port] of Object.entries(uses)) {
    try {
      await close(await listen(port));
    } catch (error) {
      throw new Error(
        `Port ${port} on ${loopback} (Temporal ${use}) cannot be used: ${reason(error)}. ` +
          'Does another Temporal server run, in a container perhaps? Stop it or use it instead.',
        { cause: error },
      );
    }
  }
}

/** Whether a process accepts TCP connections on this loopback port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, loopback);
    const answer = (listening: boolean) => (): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
  });
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(port, loopback, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'it is already in use' : (error as Error).message;
}
