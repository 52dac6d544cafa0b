import { lookAt } from '../storage/destinations.ts';
import type { Place, Places } from './places.ts';
import { placesOf } from './places.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** Milliseconds between two looks. */
const INTERVAL = 60_000;
/** Milliseconds after which a look is one that brings nothing. */
const PATIENCE = 10_000;

/** Where it is reported how places are. */
type PlaceMetrics = Pick<WorkerMetrics, 'freeSpace' | 'usable'>;

/**
 * Reports whether places can be written to, and the free space of those that have a limit, until it is ended: NaN of one
 * that cannot be written to or gives no answer, because the last value would say that all is well.
 */
export function watchSpace(config: Places, metrics: PlaceMetrics): { end(): void } {
  const timers = placesOf(config).map((place) => watch(place, metrics));
  return { end: () => timers.forEach((timer) => clearInterval(timer)) };
}

function watch({ name, config, use }: Place, metrics: PlaceMetrics): NodeJS.Timeout {
  const report = (bytes: number | undefined): void => {
    metrics.usable(name, !Number.isNaN(bytes));
    // Buckets have no limit.
    if (config.type === 'directory') metrics.freeSpace(name, bytes ?? NaN);
  };
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const late = setTimeout(() => report(NaN), PATIENCE);
    late.unref();
    const free = await lookAt(config, use).catch(() => NaN);
    clearTimeout(late);
    isLooking = false;
    report(free);
  };
  void look();
  return setInterval(() => void look(), INTERVAL).unref();
}
