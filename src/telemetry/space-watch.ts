import { lookAt } from '../storage/destinations.ts';
import type { Place, Places } from './places.ts';
import { placesOf } from './places.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** Milliseconds between two looks. */
const INTERVAL = 60_000;
/** Milliseconds after which a look is one that brings nothing. */
const PATIENCE = 10_000;

/**
 * Reports the free space of places that have a limit, until it is ended: NaN of one that cannot be written to or gives no
 * answer, because the last value would say that all is well.
 */
export function watchSpace(config: Places, metrics: Pick<WorkerMetrics, 'freeSpace'>): { end(): void } {
  // Buckets have no limit, and each question to one costs.
  const places = placesOf(config).filter(({ config: { type } }) => type === 'directory');
  const timers = places.map((place) => watch(place, (bytes) => metrics.freeSpace(place.name, bytes)));
  return { end: () => timers.forEach((timer) => clearInterval(timer)) };
}

function watch({ config, use }: Place, report: (bytes: number) => void): NodeJS.Timeout {
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const late = setTimeout(() => report(NaN), PATIENCE);
    late.unref();
    const free = await lookAt(config, use).catch(() => NaN);
    clearTimeout(late);
    isLooking = false;
    report(free ?? NaN);
  };
  void look();
  return setInterval(() => void look(), INTERVAL).unref();
}
