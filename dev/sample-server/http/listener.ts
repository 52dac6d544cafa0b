import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server on 127.0.0.1 that can close and open again on the same port. */
export class Listener {
  #port: number;
  #server: Server | undefined;
  readonly #onRequest: RequestListener;

  constructor(port: number, onRequest: RequestListener) {
    this.#port = port;
    this.#onRequest = onRequest;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /**
   * Listens, unless it does already.
   *
   * @throws Error with code EADDRINUSE when another process listens on the port
   */
  async open(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer(this.#onRequest);
    // Longer than clients keep idle connections, because tests are not about the race between the two.
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Closes the port and all connections, even in the middle of an answer. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }
}
