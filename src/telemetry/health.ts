import type { NativeConnection } from '@temporalio/worker';
import type { Workers } from '../hosting/run-workers.ts';
import { tidy } from '../fhir/quote.ts';
import { lookAt } from '../storage/destinations.ts';
import type { Place, Places } from './places.ts';
import { placesOf } from './places.ts';

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

  constructor(config: Places) {
    this.#destinations = placesOf(config).map((place) => new Destination(place));
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
  readonly #place: Place;
  #latest: { at: number; found: Promise<HealthCheck> } | undefined;
  #isLooking = false;

  constructor(place: Place) {
    this.#place = place;
  }

  check(): Promise<HealthCheck> {
    const latest = this.#latest;
    if (latest !== undefined && (this.#isLooking || latest.at + FRESH >= Date.now())) return latest.found;
    return this.#checkAnew();
  }

  /** Not before the last look has ended, however long that takes; until then what is known of it is the answer. */
  #checkAnew(): Promise<HealthCheck> {
    this.#isLooking = true;
    const look = this.#look().finally(() => (this.#isLooking = false));
    const { name, use } = this.#place;
    const found = check(use === 'exports' ? `destination ${name}` : name, () => look);
    this.#latest = { at: Date.now(), found };
    // Once it can be written to again, somebody wants to know.
    void Promise.allSettled([found, look]).then(async () => (await found).ok || (this.#latest = undefined));
    return found;
  }

  async #look(): Promise<void> {
    const { config, use } = this.#place;
    if ((await lookAt(config, use)) === 0) throw new Error('no space is left');
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
