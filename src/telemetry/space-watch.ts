import type { DestinationConfig } from '../storage/destinations.ts';
import { lookAt } from '../storage/destinations.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** Milliseconds between two looks. */
const INTERVAL = 60_000;

/** Reports the free space of destinations that have a limit, until it is ended. */
export function watchSpace(
  { destinations }: { destinations: Readonly<Record<string, DestinationConfig>> },
  metrics: Pick<WorkerMetrics, 'freeSpace'>,
): { end(): void } {
  const look = async (): Promise<void> => {
    for (const [name, config] of Object.entries(destinations)) {
      // Buckets have no limit, and each question to one costs.
      if (config.type !== 'directory') continue;
      const free = await lookAt(config).catch(() => undefined);
      if (free !== undefined) metrics.freeSpace(name, free);
    }
  };
  const timer = setInterval(() => void look(), INTERVAL);
  timer.unref();
  void look();
  return { end: () => clearInterval(timer) };
}
