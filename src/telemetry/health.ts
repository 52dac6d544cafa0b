import type { NativeConnection } from '@temporalio/worker';
import type { Workers } from '../hosting/run-workers.ts';
import { tidy } from '../fhir/quote.ts';
import type { DestinationConfig } from '../storage/destinations.ts';
import { lookAt } from '../storage/destinations.ts';

/** Milliseconds that a check may take. */
const TIME = 5000;
/** Milliseconds for which the look at a destination counts: each one at a bucket is a request. */
const FRESH = 30_000;

/** One thing that a worker needs. */
export interface HealthCheck {
  name: string;
  ok: boolean;
  /** Why it is not. */
  reason?: string;
}

/** Whether a worker can do its work, and what it lacks. */
export class Health {
  readonly #destinations: readonly Destination[];
  #connection: Pick<NativeConnection, 'withDeadline' | 'workflowService'> | undefined;
  #workers: Pick<Workers, 'status'> | undefined;
  #trouble = 'not connected yet';

  constructor({ destinations }: { destinations: Readonly<Record<string, DestinationConfig>> }) {
    this.#destinations = Object.entries(destinations).map(([name, config]) => new Destination(name, config));
  }

  /** Why there is no connection to Temporal yet. */
  isWaiting(reason: string): void {
    this.#trouble = tidy(reason, 300);
  }

  /** Workers have been made, and are about to run. */
  hasWorkers(connection: NativeConnection, workers: Workers): void {
    this.#connection = connection;
    this.#workers = workers;
  }

  /** Looks at everything at once; takes a few seconds at most. */
  async checks(): Promise<HealthCheck[]> {
    const [temporal, ...destinations] = await Promise.all([
      this.#checkTemporal(),
      ...this.#destinations.map((one) => one.check()),
    ]);
    return [temporal, ...this.#checkWorkers(), ...destinations];
  }

  async #checkTemporal(): Promise<HealthCheck> {
    const connection = this.#connection;
    return check('temporal', async () => {
      if (connection === undefined) throw new Error(this.#trouble);
      await connection.withDeadline(Date.now() + TIME, () => connection.workflowService.getSystemInfo({}));
    });
  }

  #checkWorkers(): HealthCheck[] {
    if (this.#workers === undefined) return [{ name: 'workers', ok: false, reason: 'not started yet' }];
    return Object.entries(this.#workers.status()).map(([queue, { runState }]) => ({
      name: `worker ${queue}`,
      ok: runState === 'RUNNING',
      ...(runState === 'RUNNING' ? {} : { reason: runState }),
    }));
  }
}

class Destination {
  readonly #name: string;
  readonly #config: DestinationConfig;
  #latest: { at: number; found: Promise<HealthCheck> } | undefined;

  constructor(name: string, config: DestinationConfig) {
    this.#name = name;
    this.#config = config;
  }

  check(): Promise<HealthCheck> {
    if (this.#latest === undefined || this.#latest.at + FRESH < Date.now()) {
      this.#latest = { at: Date.now(), found: check(`destination ${this.#name}`, () => this.#look()) };
      // Once it can be written to again, somebody wants to know.
      void this.#latest.found.then(({ ok }) => ok || (this.#latest = undefined));
    }
    return this.#latest.found;
  }

  async #look(): Promise<void> {
    if ((await lookAt(this.#config)) === 0) throw new Error('no space is left');
  }
}

async function check(name: string, look: () => Promise<unknown>): Promise<HealthCheck> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIME / 1000} s`)), TIME + 500);
  });
  try {
    await Promise.race([look(), limit]);
    return { name, ok: true };
  } catch (error) {
    return { name, ok: false, reason: tidy((error as Error).message, 300) };
  } finally {
    clearTimeout(timer);
  }
}
