import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { findFreePorts } from '../../src/temporal-server/ports.ts';
import type { TemporalServer, TemporalServerOptions } from '../../src/temporal-server/server.ts';
import { startTemporalServer } from '../../src/temporal-server/server.ts';

/** A Temporal server that can be killed and started again on its database. */
export class DurableTemporal {
  readonly client: Client;
  readonly address: string;
  readonly #options: TemporalServerOptions;
  #server: TemporalServer;
  #restarting: Promise<void> = Promise.resolve();

  private constructor(options: TemporalServerOptions, server: TemporalServer, connection: Connection) {
    this.#options = options;
    this.#server = server;
    this.address = server.address;
    this.client = new Client({ connection });
  }

  static async start(cli: string, folder: string): Promise<DurableTemporal> {
    await mkdir(folder, { recursive: true });
    const { grpc, http } = await findFreePorts();
    const options = { cli, port: grpc, httpPort: http, dbFilename: join(folder, 'temporal.db'), headless: true };
    const server = await startTemporalServer(options);
    return new DurableTemporal(options, server, await Connection.connect({ address: server.address }));
  }

  /** SIGKILL, and another one on the same ports and database after a while. */
  async crash(down: number): Promise<void> {
    this.#restarting = this.#restarting.then(async () => {
      process.kill(-this.#server.pid, 'SIGKILL');
      await this.#server.exited;
      await sleep(down);
      this.#server = await startTemporalServer(this.#options);
    });
    await this.#restarting;
  }

  async close(): Promise<void> {
    await this.#restarting.catch(() => {});
    await this.client.connection.close();
    await this.#server.stop();
  }
}
