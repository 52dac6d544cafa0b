import type { Config } from '../../config.ts';
import type { TimeIsEnd } from '../../export-folder/stored-exports.ts';
import { holds } from '../../fhir-server/allowed-destinations.ts';
import { parseDuration } from '../../fhir/duration.ts';
import { resolveSettings } from '../../profiles/resolve.ts';
import { realPlaceOf } from '../../storage/destinations.ts';

/** Where a destination is, beside the others. */
export interface Surroundings {
  /** Another destination at the same place, with another retention: what is there belongs to both. */
  rival?: string;
  /** Whether a path lies in the place of another destination, which is within this one. */
  isOutside(path: string): boolean;
}

/** Milliseconds; undefined: nothing is removed. */
export function retentionOf(config: Config, name: string): number | undefined {
  const { retention } = config.destinations[name] ?? {};
  return retention === undefined ? undefined : parseDuration(retention);
}

/** Of exports of a server that the configuration has, by its base URL. */
export function timeIsEndIn({ servers }: Config): TimeIsEnd {
  const found = Object.values(servers).filter((server) => resolveSettings(server).transactionTimeIsEnd);
  const baseUrls = new Set(found.map(({ baseUrl }) => baseUrl));
  return ({ baseUrl }) => baseUrl !== undefined && baseUrls.has(baseUrl);
}

/** What of other destinations, and of the audit trail, is where this destination is. */
export async function surroundings(config: Config, name: string): Promise<Surroundings> {
  const places = new Map<string, string>();
  for (const [one, entry] of Object.entries(config.destinations)) places.set(one, await realPlaceOf(entry));
  const own = (places.get(name) ?? '').replace(/\/+$/, '');
  places.delete(name);
  if (config.audit !== undefined) places.set('audit.destination', await realPlaceOf(config.audit.destination));
  const isSame = (place: string): boolean => holds(own, place) && holds(place, own);
  const within = [...places].filter(([, place]) => holds(own, place) && !isSame(place));
  const rival = [...places].find(
    ([one, place]) => isSame(place) && retentionOf(config, one) !== retentionOf(config, name),
  )?.[0];
  return {
    ...(rival === undefined ? {} : { rival }),
    isOutside: (path) => within.some(([, place]) => holds(place, `${own}/${path}`)),
  };
}
